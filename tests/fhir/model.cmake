gatehouse_test(model SOURCES model_test.cpp helpers_test.cpp text_test.cpp
    LINKS gatehouse_fhir_packages gatehouse_fhir_xml gatehouse_fhir_json gatehouse_fhir_model)
