# The engine by itself: decode, decode and validate, encode; RapidJSON's own reader for scale.
find_path(RAPIDJSON_INCLUDE rapidjson/reader.h REQUIRED)
add_executable(bench_engine engine_bench.cpp rapidjson_scale.cpp)
target_link_libraries(bench_engine PRIVATE gatehouse_fhir_engine gatehouse_warnings benchmark::benchmark)
target_include_directories(bench_engine SYSTEM PRIVATE ${RAPIDJSON_INCLUDE})
target_compile_definitions(bench_engine PRIVATE GATEHOUSE_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
