gatehouse_test(fhir_snapshot
    SOURCES snapshot/snapshot_test.cpp snapshot/conformance_test.cpp
    LINKS gatehouse_fhir_schema)
gatehouse_test(fhir_schema
    SOURCES schema/schema_test.cpp
    LINKS gatehouse_fhir_schema)
