gatehouse_test(audit SOURCES audit_test.cpp LINKS gatehouse_gateway_audit)
