# store_bench: the store by itself, and bare SQLite with the same bytes and rows for scale.
find_package(SQLite3 3.40 REQUIRED)
add_executable(store_bench store_bench.cpp)
target_link_libraries(store_bench PRIVATE gatehouse_adapter_sqlite gatehouse_warnings SQLite::SQLite3)
