gatehouse_test(gateway_app SOURCES app_test.cpp LINKS gatehouse_gateway_app)
