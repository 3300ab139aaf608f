# SPDX-License-Identifier: Apache-2.0
#
# The engine by itself: decode, decode and validate, encode; RapidJSON's own reader for scale.
find_path(RAPIDJSON_INCLUDE rapidjson/reader.h REQUIRED)
add_executable(bench_engine engine_bench.cpp bench_engine_load.cpp rapidjson_scale.cpp)
target_link_libraries(bench_engine PRIVATE gatehouse_fhir_engine gatehouse_warnings benchmark::benchmark)
# Verdicts against RapidJSON's parse of the same bytes, in one process.
add_executable(bench_ratio ratio_bench.cpp bench_engine_load.cpp rapidjson_scale.cpp)
target_link_libraries(bench_ratio PRIVATE gatehouse_fhir_engine gatehouse_warnings)
# Cost from 1 KB to 50 MB: time, memory, heap, helpers.
add_executable(bench_growth growth_bench.cpp bench_engine_load.cpp)
target_link_libraries(bench_growth PRIVATE gatehouse_fhir_engine gatehouse_warnings)
foreach(target bench_engine bench_ratio bench_growth)
    target_include_directories(${target} SYSTEM PRIVATE ${RAPIDJSON_INCLUDE})
    target_compile_definitions(${target} PRIVATE GATEHOUSE_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
endforeach()
