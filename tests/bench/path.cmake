add_executable(path_bench path_bench.cpp)
target_link_libraries(path_bench PRIVATE gatehouse_fhir_path gatehouse_fhir_json gatehouse_fhir_packages
    gatehouse_warnings benchmark::benchmark)
target_compile_definitions(path_bench PRIVATE GATEHOUSE_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
