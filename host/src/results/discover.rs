//! Where tools write their reports when nobody says where.
//!
//! Each line is a place that a tool's own documentation names, or that its users agree on. All are JUnit's XML. A
//! module of a larger tree may lie a few folders deep: deeper ones are named with `--junit`, since the whole tree
//! isn't searched after each run.

/// A tool, and where its reports lie below a module.
const PLACES: [(&str, &[&str]); 8] = [
    (
        "Maven Surefire and Failsafe",
        &["target/surefire-reports/TEST-*.xml", "target/failsafe-reports/TEST-*.xml"],
    ),
    ("Gradle", &["build/test-results/*/TEST-*.xml"]),
    // It has no place of its own: these are what `--junit-xml` is given most often.
    (
        "pytest",
        &[
            "junit.xml",
            "pytest.xml",
            "test-results.xml",
            "reports/junit*.xml",
            "test-reports/*.xml",
            "test-results/*.xml",
        ],
    ),
    ("Jest, with jest-junit", &["junit.xml"]),
    ("Go, with gotestsum or go-junit-report", &["report.xml", "unit-tests.xml"]),
    ("cargo-nextest", &["target/nextest/*/junit.xml"]),
    ("CTest", &["build/junit.xml", "build/ctest.xml", "build/Testing/junit.xml"]),
    ("PHPUnit and others that log", &["build/logs/junit.xml"]),
];

/// How deep a module may lie.
const DEPTH: usize = 3;

/// What is looked for when nobody says what.
#[must_use]
pub fn globs() -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for (_, places) in PLACES {
        for place in places {
            for depth in 0..=DEPTH {
                let glob = format!("{}{place}", "*/".repeat(depth));
                if !found.contains(&glob) {
                    found.push(glob);
                }
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_are_looked_into_and_nothing_twice() {
        let globs = globs();
        assert!(globs.iter().any(|glob| glob == "*/*/target/surefire-reports/TEST-*.xml"));
        let once: std::collections::BTreeSet<_> = globs.iter().collect();
        assert_eq!(once.len(), globs.len());
        assert!(globs.iter().all(|glob| !glob.contains("**") && !glob.starts_with('/')));
    }
}
