gatehouse_test(cli SOURCES cli_test.cpp cli_options_test.cpp
    LINKS gatehouse_gateway_cli gatehouse_fhir_packages)
