# SPDX-License-Identifier: Apache-2.0
"""The scans find what they are for, and leave alone what is fine."""
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import check  # noqa: E402


def c1(source):
    original = check.read
    check.read = lambda path: source
    try:
        return len(list(check.check_coroutine_statements(["gateway/x.cpp"])))
    finally:
        check.read = original


class RuleC1(unittest.TestCase):
    def test_finds_braces_and_lambdas(self):
        for bad in (
            "awaitable<void> f() { co_await g(Agg{.a = 1}); }",
            "awaitable<void> f() { co_await g({1, 2}); }",
            "awaitable<void> f() { Agg x{.a = co_await g(), .b = co_await g()}; }",
            "awaitable<void> f() { co_await g([s] { use(s); }); }",
            "awaitable<void> f() { auto r = co_await offload(pool, [&]() { return 1; }); }",
        ):
            self.assertEqual(c1(bad), 1, bad)

    def test_leaves_named_objects_and_blocks_alone(self):
        for good in (
            "awaitable<void> f() { Agg x{.a = 1}; co_await g(std::move(x)); }",
            "awaitable<void> f() { if (co_await g()) { h(); } }",
            "awaitable<void> f() { while (true) { co_await g(); } }",
            "awaitable<void> f() { if (a) { b(); } co_await g(); }",
            "awaitable<void> f() { auto [ec, n] = co_await g(tok); }",
            "awaitable<void> f() { for (;;) { auto x = co_await g(buffers[0]); } }",
            'awaitable<void> f() { co_await g("{"); }',
            "awaitable<void> f() { try { co_await g(); } catch (...) { h(); } }",
        ):
            self.assertEqual(c1(good), 0, good)


if __name__ == "__main__":
    unittest.main()
