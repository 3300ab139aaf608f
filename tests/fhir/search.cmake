gatehouse_test(fhir_search
    SOURCES search_values_test.cpp search_extract_test.cpp
    LINKS gatehouse_fhir_search gatehouse_fhir_packages gatehouse_fhir_json)
