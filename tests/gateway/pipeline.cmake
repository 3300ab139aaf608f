if(TARGET gatehouse_gateway_pipeline AND TARGET gatehouse_adapter_sqlite)
    gatehouse_test(pipeline SOURCES pipeline_test.cpp
        LINKS gatehouse_gateway_pipeline gatehouse_adapter_sqlite gatehouse_gateway_profiles)
endif()
