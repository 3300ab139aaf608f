# Both codecs share their cases and round trips.
gatehouse_test(codec
    SOURCES bad_bytes_test.cpp codec_cases_test.cpp round_trip_test.cpp json_value_test.cpp json_pieces_test.cpp
    LINKS gatehouse_fhir_packages gatehouse_fhir_xml gatehouse_fhir_json gatehouse_fhir_model)
