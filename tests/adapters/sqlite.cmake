gatehouse_test(sqlite
    SOURCES sqlite_store_test.cpp sqlite_search_test.cpp sqlite_index_test.cpp sqlite_crash_test.cpp
    LINKS gatehouse_adapter_sqlite)
