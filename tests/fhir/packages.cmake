gatehouse_test(fhir_packages
    SOURCES packages/packages_test.cpp
    LINKS gatehouse_fhir_packages)
