//! One test that wasn't well, as each of many tools writes it, with the line that is said of it, and the place.

use crate::results::{Case, Gather};

/// What stands in the test's element, the line, and the place or nothing.
const SAID: [(&str, &str, &str, &str); 33] = [
    (
        "GoogleTest",
        r#"<failure message="/src/foo_test.cc:12&#x0A;Expected equality of these values:&#x0A;  5&#x0A;  f()&#x0A;    Which is: 4" type=""><![CDATA[/src/foo_test.cc:12
Expected equality of these values:
  5
  f()
    Which is: 4]]></failure>"#,
        "Expected equality of these values: 5, f() (Which is: 4)",
        "foo_test.cc:12",
    ),
    (
        "GoogleTest, of an exception",
        r#"<failure message="unknown file&#x0A;C++ exception with description &quot;boom&quot; thrown in the test body.&#x0A;" type=""><![CDATA[unknown file
C++ exception with description "boom" thrown in the test body.
]]></failure>"#,
        r#"C++ exception with description "boom" thrown in the test body."#,
        "",
    ),
    (
        "PHPUnit",
        r#"<failure type="PHPUnit\Framework\ExpectationFailedException">Tests\FooTest::works with data set #0 (1, 2)
Failed asserting that 1 matches expected 2.

/src/tests/FooTest.php:12</failure>"#,
        "Failed asserting that 1 matches expected 2.",
        "tests/FooTest.php:12",
    ),
    (
        "PHPUnit, of an exception",
        r#"<error type="RuntimeException">Tests\FooTest::works
RuntimeException: no such row

/src/Foo.php:40
/src/tests/FooTest.php:12</error>"#,
        "RuntimeException: no such row",
        "Foo.php:40",
    ),
    (
        "Rust's libtest",
        r#"<failure type="assert"/><system-out><![CDATA[thread 'works' panicked at src/lib.rs:9:9:]]>&#xA;<![CDATA[assertion `left == right` failed]]>&#xA;<![CDATA[  left: 1]]>&#xA;<![CDATA[ right: 2]]>&#xA;<![CDATA[note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace]]>&#xA;</system-out>"#,
        "assertion `left == right` failed",
        "src/lib.rs:9",
    ),
    (
        "Rust's libtest, with a backtrace",
        r#"<failure type="assert"/><system-out><![CDATA[thread 'works' panicked at src/lib.rs:9:9:]]>&#xA;<![CDATA[index out of bounds: the len is 0]]>&#xA;<![CDATA[stack backtrace:]]>&#xA;<![CDATA[   0: rust_begin_unwind]]>&#xA;<![CDATA[   1: core::panicking::panic_fmt]]>&#xA;<![CDATA[             at /rustc/abc/library/core/src/panicking.rs:75:14]]>&#xA;<![CDATA[note: Some details are omitted, run with `RUST_BACKTRACE=full` for a verbose backtrace.]]>&#xA;</system-out>"#,
        "index out of bounds: the len is 0",
        "src/lib.rs:9",
    ),
    (
        "Rust's libtest, of a test that says why",
        r#"<failure message="test did not panic as expected" type="assert"/>"#,
        "test did not panic as expected",
        "",
    ),
    (
        "nextest",
        r#"<failure message="thread &apos;works&apos; (45122) panicked at src/lib.rs:9:9" type="test failure with exit code 101">thread &apos;works&apos; (45122) panicked at src/lib.rs:9:9:
assertion `left == right` failed
  left: 1
 right: 2
note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace</failure><system-err>much more</system-err>"#,
        "assertion `left == right` failed",
        "src/lib.rs:9",
    ),
    (
        "nextest, of a program that says why only in what it prints",
        r#"<failure type="test failure with exit code 1"/><system-err>error: no such table</system-err>"#,
        "error: no such table",
        "",
    ),
    (
        "a tool that says more behind the place",
        r#"<failure message="thread 'works' panicked at src/lib.rs:9:9: index out of bounds">stack backtrace:
   0: rust_begin_unwind
   1: core::panicking::panic_fmt</failure>"#,
        "thread 'works' panicked at src/lib.rs:9:9: index out of bounds",
        "src/lib.rs:9",
    ),
    (
        "Surefire",
        r#"<failure message="expected: &lt;1&gt; but was: &lt;2&gt;" type="org.opentest4j.AssertionFailedError"><![CDATA[org.opentest4j.AssertionFailedError: expected: <1> but was: <2>
	at org.junit.jupiter.api.AssertionUtils.fail(AssertionUtils.java:55)
	at a.FooTest.works(FooTest.java:12)
]]></failure>"#,
        "expected: <1> but was: <2>",
        "FooTest.java:12",
    ),
    (
        "Surefire, of what has no message",
        r#"<error type="java.lang.NullPointerException"><![CDATA[java.lang.NullPointerException
	at a.Foo.get(Foo.java:40)
	at a.FooTest.works(FooTest.java:12)
]]></error>"#,
        "java.lang.NullPointerException",
        "FooTest.java:12",
    ),
    (
        "pytest",
        r#"<failure message="AssertionError: assert ('A', 9) == ('O', 10)&#10;  &#10;  At index 0 diff: 'A' != 'O'">def test_works():
&gt;       assert ("A", 9) == ("O", 10)
E       AssertionError: assert ('A', 9) == ('O', 10)
E         
E         At index 0 diff: 'A' != 'O'

tests/test_foo.py:12: AssertionError</failure>"#,
        "AssertionError: assert ('A', 9) == ('O', 10)",
        "tests/test_foo.py:12",
    ),
    (
        "a runner of Python's unittest",
        r#"<error type="ValueError"><![CDATA[Traceback (most recent call last):
  File "/src/test_foo.py", line 12, in test_works
    int("x")
ValueError: invalid literal for int() with base 10: 'x'
]]></error>"#,
        "ValueError: invalid literal for int() with base 10: 'x'",
        "",
    ),
    (
        "jest-junit",
        r"<failure>Error: expect(received).toBe(expected) // Object.is equality

Expected: 2
Received: 1
    at Object.&lt;anonymous&gt; (/src/foo.test.js:12:15)
    at Promise.then.completed (/src/node_modules/jest-circus/build/utils.js:298:28)</failure>",
        "Error: expect(received).toBe(expected) // Object.is equality",
        "foo.test.js:12",
    ),
    (
        "gotestsum",
        "<failure message=\"Failed\" type=\"\">=== RUN   TestWorks&#xA;    foo_test.go:12: got 1, want 2&#xA;--- FAIL: TestWorks (0.00s)&#xA;</failure>",
        "got 1, want 2",
        "foo_test.go:12",
    ),
    (
        "mocha-junit-reporter",
        r#"<failure message="expected 1 to equal 2" type="AssertionError"><![CDATA[AssertionError: expected 1 to equal 2
    at Context.<anonymous> (test/foo.spec.js:12:20)
    at process.processImmediate (node:internal/timers:476:21)]]></failure>"#,
        "expected 1 to equal 2",
        "test/foo.spec.js:12",
    ),
    (
        "CTest",
        r#"<failure message=""/><system-out>works: /src/a.c:3: main: Assertion `1+1==3&apos; failed.
</system-out>"#,
        "works: /src/a.c:3: main: Assertion `1+1==3' failed.",
        "a.c:3",
    ),
    (
        ".NET's JUnit logger",
        r#"<failure type="failure" message="Assert.Equal() Failure: Values differ&#xA;Expected: 2&#xA;Actual:   1">   at Shop.FooTests.Works() in /src/FooTests.cs:line 12
   at System.RuntimeMethodHandle.InvokeMethod(Object target)</failure>"#,
        "Assert.Equal() Failure: Values differ",
        "",
    ),
    (
        "RSpec's JUnit formatter",
        r#"<failure message="
expected: 1.5
     got: 1

(compared using ==)
" type="RSpec::Expectations::ExpectationNotMetError">Failure/Error: expect(halve(3)).to eq(1.5)

  expected: 1.5
       got: 1

  (compared using ==)
./spec/foo_spec.rb:12:in `block (2 levels) in &lt;top (required)&gt;&apos;</failure>"#,
        "expected: 1.5, got: 1",
        "./spec/foo_spec.rb:12",
    ),
    (
        "Rust's libtest, with the thread's number",
        r#"<failure type="assert"/><system-out><![CDATA[]]>&#xA;<![CDATA[thread 'mine::same_name' (985) panicked at host/locks/src/lib.rs:22:9:]]>&#xA;<![CDATA[assertion `left == right` failed: names of crates differ]]>&#xA;<![CDATA[  left: 1]]>&#xA;<![CDATA[ right: 2]]>&#xA;</system-out>"#,
        "assertion `left == right` failed: names of crates differ",
        "host/locks/src/lib.rs:22",
    ),
    (
        "gotestsum, of a test that logs before it fails",
        "<failure message=\"Failed\" type=\"\">=== RUN   TestLogs&#xA;    extra_test.go:15: about to look at b b&#xA;    extra_test.go:17: value of &#34;b b&#34; is wrong&#xA;--- FAIL: TestLogs (0.00s)&#xA;</failure>",
        "value of \"b b\" is wrong",
        "extra_test.go:17",
    ),
    (
        "gotestsum, of a test that logs often and stops",
        "<failure message=\"Failed\" type=\"\">=== RUN   TestDeep&#xA;    deep_test.go:4: step 0&#xA;    deep_test.go:4: step 1&#xA;    deep_test.go:4: step 2&#xA;    deep_test.go:5: the real reason: 42&#xA;        of other.go:3: more&#xA;        other.go:4: more&#xA;--- FAIL: TestDeep (0.00s)&#xA;</failure>",
        "the real reason: 42",
        "deep_test.go:5",
    ),
    (
        "gotestsum, of a panic",
        "<failure message=\"Failed\" type=\"\">=== RUN   TestPanic&#xA;    x_test.go:10: before&#xA;--- FAIL: TestPanic (0.00s)&#xA;panic: assignment to entry in nil map [recovered, repanicked]&#xA;&#xA;goroutine 22 [running]:&#xA;testing.tRunner.func1.2({0x55b7a0, 0x6cbe70})&#xA;&#x9;/root/sdk/go/src/testing/testing.go:1974 +0x232&#xA;panic({0x55b7a0?, 0x6cbe70?})&#xA;&#x9;/usr/local/go/src/runtime/panic.go:860 +0x13a&#xA;example.com/x.TestPanic(0x3e4768624d88?)&#xA;&#x9;/src/x_test.go:12 +0x54&#xA;</failure>",
        "panic: assignment to entry in nil map [recovered, repanicked]",
        "x_test.go:12",
    ),
    (
        "gotestsum, of a program that logs, and recovers from a panic",
        "<failure message=\"Failed\" type=\"\">=== RUN   TestServes&#xA;server.go:33: listening on :80&#xA;panic: no such row&#xA;    x_test.go:12: got 500, want 200&#xA;server.go:40: closed&#xA;--- FAIL: TestServes (0.00s)&#xA;</failure>",
        "got 500, want 200",
        "x_test.go:12",
    ),
    (
        "gotestsum, of a panic in what was built with -trimpath",
        "<failure message=\"Failed\" type=\"\">=== RUN   TestPanic&#xA;--- FAIL: TestPanic (0.00s)&#xA;panic: no db.prod:5432&#xA;&#xA;goroutine 22 [running]:&#xA;testing.tRunner.func1.2({0x55b7a0, 0x6cbe70})&#xA;&#x9;testing/testing.go:1974 +0x232&#xA;panic({0x55b7a0?, 0x6cbe70?})&#xA;&#x9;runtime/panic.go:860 +0x13a&#xA;example.com/x.TestPanic(0x3e4768624d88?)&#xA;&#x9;example.com/x/x_test.go:12 +0x54&#xA;</failure>",
        "panic: no db.prod:5432",
        "example.com/x/x_test.go:12",
    ),
    (
        "mocha, of a host that it can't reach",
        "<failure message=\"cannot reach db.prod:5432\" type=\"Error\">Error: cannot reach db.prod:5432\n    at Context.&lt;anonymous&gt; (test/foo.spec.js:12:20)</failure>",
        "cannot reach db.prod:5432",
        "test/foo.spec.js:12",
    ),
    (
        "gotestsum, of a deadlock",
        "<failure message=\"Failed\" type=\"\">=== RUN   TestWaits&#xA;    x_test.go:10: before&#xA;fatal error: all goroutines are asleep - deadlock!&#xA;&#xA;goroutine 1 [chan receive]:&#xA;testing.(*T).Run(0x1, 0x2)&#xA;&#x9;/usr/local/go/src/testing/testing.go:1751 +0x3ab&#xA;example.com/x.TestWaits(0x1)&#xA;&#x9;/src/x_test.go:12 +0x1f&#xA;</failure>",
        "fatal error: all goroutines are asleep - deadlock!",
        "x_test.go:12",
    ),
    (
        "gotestsum, of a test that was skipped",
        r#"<skipped message="=== RUN   TestSkips&#xA;    x_test.go:9: no network here&#xA;--- SKIP: TestSkips (0.00s)&#xA;"/>"#,
        "no network here",
        "x_test.go:9",
    ),
    (
        "pytest, of a file that it can't import",
        r#"<error message="collection failure">ImportError while importing test module '/src/test_broken_import.py'.
Hint: make sure your test modules/packages have valid Python names.
Traceback:
/root/.pyenv/versions/3.12.1/lib/python3.12/importlib/__init__.py:126: in import_module
    return _bootstrap._gcd_import(name[level:], package, level)
test_broken_import.py:1: in &lt;module&gt;
    import no_such_module
E   ModuleNotFoundError: No module named 'no_such_module'</error>"#,
        "ModuleNotFoundError: No module named 'no_such_module'",
        "test_broken_import.py:1",
    ),
    (
        "pytest, of a file that it can't read",
        r#"<error message="collection failure">/root/.pyenv/versions/3.12.1/lib/python3.12/site-packages/_pytest/python.py:617: in _importtestmodule
    mod = import_path(self.path, mode=importmode)
E     File "/src/test_a.py", line 1
E       def f(:
E             ^
E   SyntaxError: invalid syntax</error>"#,
        "SyntaxError: invalid syntax",
        "",
    ),
    (
        "JUnit 4, of what has no message",
        r#"<failure type="java.lang.AssertionError">java.lang.AssertionError: expected:&lt;1&gt; but was:&lt;2&gt;
	at org.junit.Assert.fail(Assert.java:89)
	at org.junit.Assert.assertEquals(Assert.java:120)
	at a.FooTest.b(FooTest.java:12)
	at java.base/java.lang.reflect.Method.invoke(Method.java:580)</failure>"#,
        "java.lang.AssertionError: expected:<1> but was:<2>",
        "FooTest.java:12",
    ),
    (
        "JUnit 4, where the message is the exception's class",
        r#"<failure message="java.lang.AssertionError" type="java.lang.AssertionError">java.lang.AssertionError: expected:&lt;1&gt; but was:&lt;2&gt;
	at org.junit.Assert.fail(Assert.java:89)
	at app//a.FooTest$Inner.b(FooTest.java:12)</failure>"#,
        "java.lang.AssertionError: expected:<1> but was:<2>",
        "FooTest.java:12",
    ),
];

#[test]
fn of_each_the_line_is_said_that_tells_why() {
    for (tool, element, expected, place) in SAID {
        let case = only(element);
        assert_eq!(case.telling(), expected, "{tool}");
        assert_eq!(at(&case), place, "{tool}");
    }
}

/// The test that such an element stands in, of a tree at `/src`.
fn only(element: &str) -> Case {
    let xml = format!(
        "<testsuite name='s'><testcase name='works' classname='a.FooTest'>{element}</testcase></testsuite>"
    );
    let mut gather = Gather::of("/src", false);
    gather.add_bytes("a.xml".to_owned(), xml.as_bytes(), true);
    let results = gather.results();
    assert_eq!(results.files[0].trouble, None, "{element}");
    results.cases[0].clone()
}

fn at(case: &Case) -> String {
    let Some(place) = case.shown().and_then(|problem| problem.place.as_ref()) else {
        return String::new();
    };
    place.line.map_or_else(|| place.file.clone(), |line| format!("{}:{line}", place.file))
}
