gatehouse_test(fhir_snomed
    SOURCES terminology/snomed_test.cpp terminology/ecl_test.cpp
    LINKS gatehouse_fhir_terminology_snomed)
gatehouse_test(terminology
    SOURCES terminology/cases_test.cpp
    LINKS gatehouse_fhir_terminology_operations gatehouse_fhir_json)
gatehouse_test(code_table
    SOURCES terminology/table_test.cpp
    LINKS gatehouse_fhir_terminology_load gatehouse_fhir_terminology_table_load
          gatehouse_fhir_terminology_operations)
