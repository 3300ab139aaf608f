if(TARGET gatehouse_gateway_routes)
    gatehouse_test(route SOURCES route_test.cpp
        LINKS gatehouse_gateway_routes gatehouse_gateway_journal gatehouse_fhir_json)
endif()
