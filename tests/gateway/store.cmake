# Searches from their HTTP parameters to a real SQLite file: tests/cases/search/store*.json.
gatehouse_test(gateway_store
    SOURCES store_search_test.cpp
    LINKS gatehouse_gateway_api gatehouse_adapter_sqlite)
