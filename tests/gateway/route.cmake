if(TARGET gatehouse_gateway_routes)
    gatehouse_test(route SOURCES route_test.cpp
        LINKS gatehouse_gateway_routes gatehouse_gateway_journal gatehouse_fhir_json)
endif()
if(TARGET gatehouse_gateway_pipeline AND TARGET gatehouse_adapter_spool)
    gatehouse_test(notify SOURCES notify_test.cpp
        LINKS gatehouse_gateway_pipeline gatehouse_adapter_sqlite gatehouse_adapter_spool gatehouse_gateway_profiles)
endif()
