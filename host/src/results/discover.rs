//! Where tools write their reports when nobody says where.
//!
//! Each line is a place that a tool's own documentation names, or that its users agree on. All are JUnit's XML. A
//! module of a larger tree may lie a few folders deep: deeper ones are named with `--junit`, since the whole tree
//! isn't searched after each run.

/// A tool, and where its reports lie below a module.
const PLACES: [(&str, &str); 8] = [
    ("Maven Surefire and Failsafe", "target/{surefire,failsafe}-reports/TEST-*.xml"),
    ("Gradle", "build/test-results/*/TEST-*.xml"),
    // It has no place of its own: these are what `--junit-xml` is given most often.
    ("pytest", "{pytest,test-results,reports/junit*,test-reports/*,test-results/*}.xml"),
    ("Jest, with jest-junit, and many others", "junit.xml"),
    ("Go, with gotestsum or go-junit-report", "{report,unit-tests}.xml"),
    ("cargo-nextest", "target/nextest/*/junit.xml"),
    ("CTest", "build/{junit,ctest,Testing/junit}.xml"),
    ("PHPUnit", "build/logs/junit.xml"),
];

/// A module, and those in it, and so on: this deep.
const MODULES: &str = "{,*/,*/*/,*/*/*/}";

/// What isn't searched: what others have made, and what isn't shown.
pub const ELSEWHERE: [&str; 2] = ["**/{node_modules,vendor,site-packages}", "**/.*"];

/// What is looked for when nobody says what.
#[must_use]
pub fn globs() -> Vec<String> {
    PLACES.iter().map(|(_, place)| format!("{MODULES}{place}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crabbox_copy::glob::Globs;

    #[test]
    fn reports_are_found_in_modules_and_nowhere_else() {
        let (usual, elsewhere) = (globs(), Globs::new(ELSEWHERE).expect("patterns"));
        let usual = Globs::new(&usual).expect("patterns");
        let is_found = |path: &str| !usual.matched_path(path.as_bytes()).is_empty();
        for path in [
            "junit.xml",
            "app/core/target/surefire-reports/TEST-a.B.xml",
            "build/test-results/test/TEST-a.xml",
            "target/nextest/ci/junit.xml",
            "services/api/report.xml",
            "build/Testing/junit.xml",
            "reports/junit-3.xml",
        ] {
            assert!(is_found(path), "{path}");
        }
        for path in ["a/b/c/d/junit.xml", "pom.xml", "src/report.xml.in"] {
            assert!(!is_found(path), "{path}");
        }
        for path in ["node_modules/a/junit.xml", "web/node_modules", ".git", "a/.venv"] {
            assert!(!elsewhere.matched_path(path.as_bytes()).is_empty(), "{path}");
        }
    }
}
