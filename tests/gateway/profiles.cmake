gatehouse_test(gateway_profiles SOURCES ${CMAKE_CURRENT_LIST_DIR}/profiles_test.cpp ${CMAKE_CURRENT_LIST_DIR}/definition_rules_test.cpp
    LINKS gatehouse_gateway_profiles gatehouse_fhir_model)
