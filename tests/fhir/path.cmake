gatehouse_test(fhir_path
    SOURCES path/conformance_test.cpp path/cases_test.cpp path/invariants_test.cpp path/shape_test.cpp path/trail_test.cpp
    LINKS gatehouse_fhir_path gatehouse_fhir_json gatehouse_fhir_packages)
