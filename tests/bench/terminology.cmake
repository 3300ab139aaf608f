# Compiled terminology content: opening, finding, subsumption, constraints.
add_executable(terminology_bench terminology_bench.cpp)
target_link_libraries(terminology_bench PRIVATE gatehouse_fhir_terminology_load gatehouse_warnings)
