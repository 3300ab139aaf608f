if(TARGET gatehouse_gateway_pipeline AND TARGET gatehouse_adapter_sqlite)
    add_executable(road_bench road_bench.cpp)
    target_link_libraries(road_bench PRIVATE gatehouse_gateway_pipeline gatehouse_adapter_sqlite
        gatehouse_gateway_profiles gatehouse_warnings)
    target_compile_definitions(road_bench PRIVATE GATEHOUSE_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
endif()
