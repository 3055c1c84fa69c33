//! One test that failed, as each of many tools writes it, with the line that is said of it.

use super::read;

/// What stands in the test's element, and the line.
const SAID: [(&str, &str, &str); 20] = [
    (
        "GoogleTest",
        r#"<failure message="/src/foo_test.cc:12&#x0A;Expected equality of these values:&#x0A;  5&#x0A;  f()&#x0A;    Which is: 4" type=""><![CDATA[/src/foo_test.cc:12
Expected equality of these values:
  5
  f()
    Which is: 4]]></failure>"#,
        "Expected equality of these values: 5",
    ),
    (
        "GoogleTest, of an exception",
        r#"<failure message="unknown file&#x0A;C++ exception with description &quot;boom&quot; thrown in the test body.&#x0A;" type=""><![CDATA[unknown file
C++ exception with description "boom" thrown in the test body.
]]></failure>"#,
        r#"C++ exception with description "boom" thrown in the test body."#,
    ),
    (
        "PHPUnit",
        r#"<failure type="PHPUnit\Framework\ExpectationFailedException">Tests\FooTest::works with data set #0 (1, 2)
Failed asserting that 1 matches expected 2.

/src/tests/FooTest.php:12</failure>"#,
        "Failed asserting that 1 matches expected 2.",
    ),
    (
        "PHPUnit, of an exception",
        r#"<error type="RuntimeException">Tests\FooTest::works
RuntimeException: no such row

/src/Foo.php:40
/src/tests/FooTest.php:12</error>"#,
        "RuntimeException: no such row",
    ),
    (
        "Rust's libtest",
        r#"<failure type="assert"/><system-out><![CDATA[thread 'works' panicked at src/lib.rs:9:9:]]>&#xA;<![CDATA[assertion `left == right` failed]]>&#xA;<![CDATA[  left: 1]]>&#xA;<![CDATA[ right: 2]]>&#xA;<![CDATA[note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace]]>&#xA;</system-out>"#,
        "assertion `left == right` failed",
    ),
    (
        "Rust's libtest, with a backtrace",
        r#"<failure type="assert"/><system-out><![CDATA[thread 'works' panicked at src/lib.rs:9:9:]]>&#xA;<![CDATA[index out of bounds: the len is 0]]>&#xA;<![CDATA[stack backtrace:]]>&#xA;<![CDATA[   0: rust_begin_unwind]]>&#xA;<![CDATA[   1: core::panicking::panic_fmt]]>&#xA;<![CDATA[             at /rustc/abc/library/core/src/panicking.rs:75:14]]>&#xA;<![CDATA[note: Some details are omitted, run with `RUST_BACKTRACE=full` for a verbose backtrace.]]>&#xA;</system-out>"#,
        "index out of bounds: the len is 0",
    ),
    (
        "Rust's libtest, of a test that says why",
        r#"<failure message="test did not panic as expected" type="assert"/>"#,
        "test did not panic as expected",
    ),
    (
        "nextest",
        r#"<failure message="thread &apos;works&apos; (45122) panicked at src/lib.rs:9:9" type="test failure with exit code 101">thread &apos;works&apos; (45122) panicked at src/lib.rs:9:9:
assertion `left == right` failed
  left: 1
 right: 2
note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace</failure><system-err>much more</system-err>"#,
        "assertion `left == right` failed",
    ),
    (
        "nextest, of a program that says why only in what it prints",
        r#"<failure type="test failure with exit code 1"/><system-err>error: no such table</system-err>"#,
        "error: no such table",
    ),
    (
        "a tool that says more behind the place",
        r#"<failure message="thread 'works' panicked at src/lib.rs:9:9: index out of bounds">stack backtrace:
   0: rust_begin_unwind
   1: core::panicking::panic_fmt</failure>"#,
        "thread 'works' panicked at src/lib.rs:9:9: index out of bounds",
    ),
    (
        "Surefire",
        r#"<failure message="expected: &lt;1&gt; but was: &lt;2&gt;" type="org.opentest4j.AssertionFailedError"><![CDATA[org.opentest4j.AssertionFailedError: expected: <1> but was: <2>
	at org.junit.jupiter.api.AssertionUtils.fail(AssertionUtils.java:55)
	at a.FooTest.works(FooTest.java:12)
]]></failure>"#,
        "expected: <1> but was: <2>",
    ),
    (
        "Surefire, of what has no message",
        r#"<error type="java.lang.NullPointerException"><![CDATA[java.lang.NullPointerException
	at a.Foo.get(Foo.java:40)
	at a.FooTest.works(FooTest.java:12)
]]></error>"#,
        "java.lang.NullPointerException",
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
    ),
    (
        "a runner of Python's unittest",
        r#"<error type="ValueError"><![CDATA[Traceback (most recent call last):
  File "/src/test_foo.py", line 12, in test_works
    int("x")
ValueError: invalid literal for int() with base 10: 'x'
]]></error>"#,
        "ValueError: invalid literal for int() with base 10: 'x'",
    ),
    (
        "jest-junit",
        r"<failure>Error: expect(received).toBe(expected) // Object.is equality

Expected: 2
Received: 1
    at Object.&lt;anonymous&gt; (/src/foo.test.js:12:15)
    at Promise.then.completed (/src/node_modules/jest-circus/build/utils.js:298:28)</failure>",
        "Error: expect(received).toBe(expected) // Object.is equality",
    ),
    (
        "gotestsum",
        "<failure message=\"Failed\" type=\"\">=== RUN   TestWorks&#xA;    foo_test.go:12: got 1, want 2&#xA;--- FAIL: TestWorks (0.00s)&#xA;</failure>",
        "got 1, want 2",
    ),
    (
        "mocha-junit-reporter",
        r#"<failure message="expected 1 to equal 2" type="AssertionError"><![CDATA[AssertionError: expected 1 to equal 2
    at Context.<anonymous> (test/foo.spec.js:12:20)
    at process.processImmediate (node:internal/timers:476:21)]]></failure>"#,
        "expected 1 to equal 2",
    ),
    (
        "CTest",
        r#"<failure message=""/><system-out>works: /src/a.c:3: main: Assertion `1+1==3&apos; failed.
</system-out>"#,
        "works: /src/a.c:3: main: Assertion `1+1==3' failed.",
    ),
    (
        ".NET's JUnit logger",
        r#"<failure type="failure" message="Assert.Equal() Failure: Values differ&#xA;Expected: 2&#xA;Actual:   1">   at Shop.FooTests.Works() in /src/FooTests.cs:line 12
   at System.RuntimeMethodHandle.InvokeMethod(Object target)</failure>"#,
        "Assert.Equal() Failure: Values differ",
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
        "expected: 1.5",
    ),
];

#[test]
fn of_each_the_line_is_said_that_tells_why() {
    for (tool, element, expected) in SAID {
        let xml = format!(
            "<testsuite name='s'><testcase name='works' classname='c'>{element}</testcase></testsuite>"
        );
        let report = read(xml.as_bytes());
        assert_eq!(report.trouble, None, "{tool}");
        assert_eq!(report.cases[0].telling(), expected, "{tool}");
    }
}
