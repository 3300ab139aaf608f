# The misbehaving client, shared with other tests of the doors.
add_library(gatehouse_test_client STATIC ${CMAKE_SOURCE_DIR}/tests/support/http_client.cpp)
find_package(OpenSSL 3.0 REQUIRED)
target_link_libraries(gatehouse_test_client PUBLIC gatehouse_options OpenSSL::SSL PRIVATE gatehouse_warnings)

gatehouse_test(gateway_http SOURCES http_reader_test.cpp http_test.cpp http_tls_test.cpp
    LINKS gatehouse_gateway_http gatehouse_test_client)
