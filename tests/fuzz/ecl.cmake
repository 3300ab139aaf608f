gatehouse_fuzz(ecl SOURCE ecl_fuzz.cpp LINKS gatehouse_fhir_terminology_ecl)
