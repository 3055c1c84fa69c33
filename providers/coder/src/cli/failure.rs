//! What the messages of `coder` come to. It has no other way to say why it failed than words, and one exit code for
//! all of them: so its words are read, here and nowhere else.

use super::build_log;
use crabbox_provider_api::exec::{Output, Status};
use crabbox_provider_api::{Effect, Error, ErrorCode};

/// Why a command failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// Nobody has ever logged in.
    NoLogin,
    /// The login isn't valid any more.
    SignedOut,
    /// It isn't there, or this login may not see it.
    NotFound,
    /// The immutable id is one of something that was deleted.
    Deleted,
    /// It is older than it was taken for.
    UnknownFlag,
    /// Another build of the workspace is under way.
    Busy,
    /// The server was asked too often, before anything was begun.
    TooOften,
    /// The same by whoever follows a build: that goes on.
    Unfollowed,
    /// The way to the server, or what answers in its stead.
    Unreachable,
    /// Somebody between here and the server isn't trusted.
    Untrusted,
    /// There is no such template.
    NoTemplate,
    /// Several organizations have it.
    ManyTemplates,
    /// There is no such organization.
    NoOrganization,
    /// There is no such preset.
    NoPreset,
    /// The template has no such parameter.
    NoParameter,
    /// Parameters can't be read.
    BadParameters,
    /// A parameter has no value, and nobody who could be asked for it.
    Unanswered,
    /// The plan fails: mostly a value that can't be.
    BadPlan,
    /// The time after which it is to stop can't be.
    BadTime,
    /// It never stops by itself.
    NoDeadline,
    /// The name is taken.
    Taken,
    /// The quota.
    Quota,
    /// A right that is missing.
    Forbidden,
    /// The build of a new workspace failed, which is there all the same.
    BuildFailed,
    /// Terraform, in a later build.
    Terraform,
    /// It says nothing at all, as of a build that somebody has cancelled.
    Silent,
    /// None of these.
    Other,
}

/// What is in a message, and what it means. The first that fits.
const WORDS: &[(&str, Reason)] = &[
    ("unknown flag: --", Reason::UnknownFlag),
    ("You are not logged in", Reason::NoLogin),
    ("You are signed out or your session has expired", Reason::SignedOut),
    ("rate limited", Reason::TooOften),
    ("was deleted, you can view this workspace", Reason::Deleted),
    ("Resource not found or you do not have access", Reason::NotFound),
    ("A workspace build is already active", Reason::Busy),
    ("insufficient quota", Reason::Quota),
    ("no template found with the name", Reason::NoTemplate),
    ("multiple templates found with the name", Reason::ManyTemplates),
    ("are you sure you are a member of this organization", Reason::NoOrganization),
    ("unable to resolve preset", Reason::NoPreset),
    ("is not present in the template", Reason::NoParameter),
    ("can't parse given parameter values", Reason::BadParameters),
    ("can't parse parameter map file", Reason::BadParameters),
    ("prepare build: EOF", Reason::Unanswered),
    ("cancelreader", Reason::Unanswered),
    ("dry-run workspace", Reason::BadPlan),
    ("Invalid Workspace Time to Shutdown", Reason::BadTime),
    ("Workspace shutdown is manual", Reason::NoDeadline),
    ("a workspace already exists named", Reason::Taken),
    ("already exists.", Reason::Taken),
    ("Unauthorized", Reason::Forbidden),
    ("You do not have permission", Reason::Forbidden),
    ("x509:", Reason::Untrusted),
    ("tls: ", Reason::Untrusted),
    ("dial tcp", Reason::Unreachable),
    ("connection re", Reason::Unreachable),
    ("unexpected non-JSON response", Reason::Unreachable),
    ("looking for beginning of value", Reason::Unreachable),
    ("i/o timeout", Reason::Unreachable),
    ("watch build: ", Reason::BuildFailed),
    ("terraform ", Reason::Terraform),
];

/// A command that failed.
#[derive(Clone, Debug)]
pub(crate) struct Failed {
    pub(crate) reason: Reason,
    /// What it said, without what it says each time.
    said: String,
    what: String,
    /// The cause of a failed build, or the question that nobody answers.
    more: Option<String>,
}

impl Failed {
    /// `what`: as it was typed, such as `coder create`.
    pub(crate) fn of(what: &str, output: &Output) -> Self {
        let stderr = output.stderr_text();
        let found = WORDS.iter().find(|(words, _)| stderr.contains(words));
        let said = said(&stderr);
        let is_silent = said.is_empty() && output.status == Status::Exit(1);
        let unknown = if is_silent { Reason::Silent } else { Reason::Other };
        let log = output.stdout_text();
        let reason = match found.map_or(unknown, |(_, reason)| *reason) {
            // Of a `start` that is no more than the end of what answers.
            Reason::Other if said.ends_with("EOF") && question(&log).is_some() => {
                Reason::Unanswered
            }
            Reason::TooOften if has_begun(what, &stderr, &log) => Reason::Unfollowed,
            reason => reason,
        };
        let more = match reason {
            Reason::Unanswered => question(&log),
            _ => build_log::cause(&log),
        };
        let said = if said.is_empty() { output.status.to_string() } else { said };
        Self { reason, said, what: what.to_owned(), more }
    }

    /// For the host. Nothing was changed, unless [`Error::effect`] says so afterwards.
    pub(crate) fn error(&self) -> Error {
        let Self { what, said, .. } = self;
        let code = self.code();
        let message = match (&self.more, self.reason) {
            (Some(name), Reason::Unanswered) => {
                format!(
                    "the template's parameter `{name}` has no value, and nobody is there to be asked"
                )
            }
            (_, Reason::Silent) => format!(
                "`{what}` failed and doesn't say why, as where somebody has cancelled the build"
            ),
            (Some(cause), _) => format!("`{what}` failed: {said}: {cause}"),
            (None, _) => format!("`{what}` failed: {said}"),
        };
        let error = Error::new(code, message).effect(self.effect());
        let error = match self.hint() {
            Some(hint) => error.hint(hint),
            None => error,
        };
        match self.reason {
            Reason::TooOften | Reason::Unfollowed => {
                error.retry_after(window(said).unwrap_or(USUAL))
            }
            Reason::Unreachable | Reason::Busy => error.retryable(),
            _ => error,
        }
    }

    fn code(&self) -> ErrorCode {
        match self.reason {
            Reason::NoLogin | Reason::SignedOut | Reason::Forbidden => ErrorCode::Auth,
            Reason::NotFound | Reason::Deleted => ErrorCode::NotFound,
            Reason::Busy | Reason::Taken => ErrorCode::Conflict,
            Reason::TooOften
            | Reason::Unfollowed
            | Reason::Unreachable
            | Reason::Untrusted
            | Reason::BuildFailed
            | Reason::Terraform
            | Reason::Silent => ErrorCode::Unavailable,
            Reason::Quota => ErrorCode::Quota,
            Reason::NoDeadline => ErrorCode::Unsupported,
            Reason::NoTemplate
            | Reason::ManyTemplates
            | Reason::NoOrganization
            | Reason::UnknownFlag
            | Reason::NoPreset
            | Reason::NoParameter
            | Reason::BadParameters
            | Reason::Unanswered
            | Reason::BadPlan
            | Reason::BadTime => ErrorCode::InvalidConfig,
            Reason::Other => ErrorCode::Internal,
        }
    }

    /// A new workspace whose build fails is there.
    fn effect(&self) -> Effect {
        match self.reason {
            Reason::Quota | Reason::BuildFailed | Reason::Unfollowed => Effect::Done,
            // It may have broken off after the request.
            Reason::Unreachable | Reason::Terraform | Reason::Silent | Reason::Other => {
                Effect::Maybe
            }
            _ => Effect::None,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self.reason {
            Reason::NoLogin => "log in to your deployment: `coder login` and its address".to_owned(),
            Reason::SignedOut => "coder login".to_owned(),
            Reason::TooOften | Reason::Unfollowed => "wait a minute: all programs of this login are counted together".to_owned(),
            Reason::Unreachable => "coder whoami".to_owned(),
            Reason::Untrusted => {
                "set SSL_CERT_FILE to the certificates that your deployment is trusted by".to_owned()
            }
            Reason::ManyTemplates => "set organization to one of those".to_owned(),
            Reason::Unanswered => {
                let name = self.more.as_deref().unwrap_or("NAME");
                format!("set parameters to a value of it, such as {{ \"{name}\" = \"...\" }}")
            }
            Reason::BadPlan => {
                "most likely a value of `parameters` is none that the template takes: `coder create` on a terminal shows which are"
                    .to_owned()
            }
            Reason::Quota => "coder list".to_owned(),
            _ => return None,
        })
    }
}

/// Was a build asked for when a command was refused? The server refuses a request before it does anything. A `create`
/// has followed the build that plans by then, and what it asks for after that it says; of the others a build that is
/// followed is one that they asked for.
fn has_begun(what: &str, stderr: &str, stdout: &str) -> bool {
    if what == "coder create" {
        return stderr.contains("watch build: ");
    }
    build_log::has_stages(stdout)
}

/// For how long a server counts that doesn't say so, in seconds.
const USUAL: u32 = 60;

/// For how long the server counts, in whole seconds: `in 1m0s`, as it says at the end. It has let go of all of them by then.
fn window(said: &str) -> Option<u32> {
    let (_, rest) = said.rsplit_once(" requests in ")?;
    let mut rest = rest.split([' ', ';']).next()?.trim_end_matches('.');
    let mut seconds = 0.0;
    while !rest.is_empty() {
        let (number, unit) = rest.split_at(rest.find(|one: char| one.is_ascii_alphabetic())?);
        let end = unit.find(|one: char| !one.is_ascii_alphabetic()).unwrap_or(unit.len());
        let number: f64 = number.parse().ok()?;
        seconds += number
            * match &unit[..end] {
                "h" => 3600.0,
                "m" => 60.0,
                "s" => 1.0,
                "ms" => 0.001,
                _ => return None,
            };
        rest = &unit[end..];
    }
    // Of one that is beyond all measure the host makes what it waits at most.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it saturates")]
    Some(f64::ceil(seconds) as u32)
}

/// All of it but the first line of each failure, in one line.
fn said(stderr: &str) -> String {
    let is_noise = |line: &&str| {
        line.starts_with("Encountered an error running")
            || line.starts_with("Suggestion:")
            || line.contains(" was last used ")
            || line.starts_with("version mismatch:")
            || line.starts_with("download v")
    };
    let lines = stderr.lines().map(str::trim).filter(|line| !line.is_empty() && !is_noise(line));
    let mut lines: Vec<&str> =
        lines.map(|line| line.strip_prefix("error: ").unwrap_or(line)).collect();
    // What it was about to do is ours to say, and some messages come twice.
    lines.retain(|line| !line.starts_with("Trace=["));
    lines.dedup();
    lines.join("; ")
}

/// The parameter that was asked for last: the line before its question.
fn question(stdout: &str) -> Option<String> {
    let lines: Vec<&str> = stdout.lines().collect();
    let at = lines.iter().rposition(|line| line.starts_with("> Enter a value"))?;
    at.checked_sub(1).map(|at| lines[at].to_owned())
}

/// How one comes by a newer one.
pub(crate) fn reinstall() -> &'static str {
    "install the `coder` of your deployment: it has one at `/install.sh`"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crabbox_provider_api::LONGEST_RETRY_AFTER;

    fn failed(stdout: &str, stderr: &str) -> Failed {
        let (stdout, stderr) = (stdout.as_bytes().to_vec(), stderr.as_bytes().to_vec());
        let output = Output { status: Status::Exit(1), stdout, stderr, cut: false };
        Failed::of("coder create", &output)
    }

    #[test]
    fn a_message_is_what_is_said_once() {
        let pre = "Encountered an error running \"coder stop\", see \"coder stop --help\" for more information\n";
        let busy = failed(
            "",
            &format!(
                "{pre}error: Trace=[create workspace build: ]\nA workspace build is already active.\nA workspace build is already active.\n"
            ),
        );
        assert_eq!(busy.reason, Reason::Busy);
        let error = busy.error();
        assert_eq!(error.message, "`coder create` failed: A workspace build is already active.");
        assert!(error.retryable && error.effect == Effect::None);
    }

    #[test]
    fn one_that_was_asked_too_often_says_how_long_it_counts() {
        let after = |window: &str| {
            let words = "You've been rate limited for sending more than 512 requests";
            failed("", &format!("error: {words}{window}\n")).error().retry_after
        };
        for (window, seconds) in [
            (" in 1m0s.", 60),
            (" in 0s.", 0),
            (" in 1.5s.", 2),
            (" in 20ms.", 1),
            ("", 60),
            (" in -", 60),
        ] {
            assert_eq!(after(window), Some(seconds), "{window}");
        }
        assert_eq!(after(" in 2h0m0s."), Some(LONGEST_RETRY_AFTER));
        assert_eq!(failed("", "error: dial tcp: no\n").error().retry_after, None);
    }

    #[test]
    fn what_is_refused_before_a_build_was_asked_for_has_had_no_effect() {
        let limited = "You've been rate limited for sending more than 512 requests in 1m0s.\n";
        let failed = |what: &str, stdout: &str, trace: &str| {
            let stderr = format!("error: {trace}{limited}").into_bytes();
            let stdout = stdout.as_bytes().to_vec();
            let output = Output { status: Status::Exit(1), stdout, stderr, cut: false };
            Failed::of(what, &output).error()
        };
        let log = "==> ⧗ Queued\n";
        for (what, stdout, trace, effect) in [
            ("coder create", "", "Trace=[get template by name: ]\n", Effect::None),
            ("coder create", log, "Trace=[create workspace: ]\n", Effect::None),
            ("coder create", log, "Trace=[watch build: begin streaming logs: ]\n", Effect::Done),
            ("coder create", log, "Trace=[watch build: fetch: ]\n", Effect::Done),
            ("coder stop", "", "", Effect::None),
            ("coder start", "", "Trace=[create workspace build: ]\n", Effect::None),
            ("coder stop", log, "Trace=[fetch: ]\n", Effect::Done),
        ] {
            let error = failed(what, stdout, trace);
            assert_eq!((error.effect, error.retry_after), (effect, Some(60)), "{what} {trace}");
        }
    }

    #[test]
    fn what_nobody_answers_is_named() {
        let asked = "No preset applied.\nproject\n> Enter a value: ";
        let error = failed(asked, "error: prepare build: EOF\n").error();
        assert!(error.message.contains("`project`"), "{error:?}");
        assert_eq!(error.code, ErrorCode::InvalidConfig);
        for said in ["EOF", "start workspace with active template version: EOF"] {
            assert_eq!(failed(asked, &format!("error: {said}\n")).reason, Reason::Unanswered);
        }
        assert_eq!(failed("", "error: Post \"http://coder\": EOF\n").reason, Reason::Other);
    }

    #[test]
    fn words_that_are_not_known_are_shown() {
        let error = failed("", "error: the moon is full\n").error();
        assert_eq!((error.code, error.effect), (ErrorCode::Internal, Effect::Maybe));
        assert!(error.message.contains("the moon is full"));
    }
}
