gatehouse_test(policy SOURCES policy_test.cpp LINKS gatehouse_gateway_policy)
