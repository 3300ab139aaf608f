gatehouse_test(outcome SOURCES outcome_test.cpp LINKS gatehouse_fhir_outcome)
