gatehouse_test(gateway_base SOURCES base_test.cpp async_test.cpp config_test.cpp LINKS gatehouse_gateway_base)
