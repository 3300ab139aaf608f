// SPDX-License-Identifier: Apache-2.0
//
// Asio, compiled once. The defines that choose this are PUBLIC on gatehouse_gateway_base, because
// every translation unit of a program must agree on them.
#include <boost/asio/impl/src.hpp>
