// SPDX-License-Identifier: Apache-2.0
//
// Asio's TLS half, compiled once.
#include <boost/asio/ssl/impl/src.hpp>
