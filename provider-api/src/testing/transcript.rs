//! A terminal session that was noted, as a cassette.

use super::cassette::{Call, Cassette};
use super::pattern;

/// One record of a transcript, by its lines.
#[derive(Default)]
struct Record {
    call: Call,
    /// Which stream the lines belong to, and how long it was.
    stream: Option<(bool, usize)>,
    stdout: String,
    stderr: String,
}

impl Cassette {
    /// The calls of one program in a transcript of this form; lines before the first `$`, and comments (`##`)
    /// between records, are passed over:
    ///
    /// ```text
    /// ## what it shows
    /// $ coder list -o json
    /// exit 0   wall 0.228 s
    /// --- stdout (3 bytes)
    /// []
    /// --- stderr (0 bytes)
    /// ```
    ///
    /// A command line is read as a shell reads plain words and quotes; a leading `env` and variables are left
    /// out. One that needs a shell (pipes, substitutions, several commands), one of another program and one that broke off
    /// (without `exit`) are left out, too. A negative exit is a signal. `wall` becomes the delay. The lengths say whether the last
    /// line had an end; where a transcript was shortened by hand, its text counts.
    #[must_use]
    pub fn from_transcript(text: &str, program: &str) -> Self {
        let mut calls = Vec::new();
        let mut record: Option<Record> = None;
        for line in text.split_inclusive('\n') {
            let bare = line.strip_suffix('\n').unwrap_or(line);
            if let Some(command) = bare.strip_prefix("$ ") {
                calls.extend(record.take().and_then(Record::finish));
                record = words(command).filter(|argv| is_of(argv, program)).map(|argv| {
                    let argv = argv.iter().map(|word| pattern::escape(word)).collect();
                    Record { call: Call { argv, ..Call::default() }, ..Record::default() }
                });
            } else if bare.starts_with("## ") {
                calls.extend(record.take().and_then(Record::finish));
            } else if let Some(record) = &mut record {
                record.line(bare, line);
            }
        }
        calls.extend(record.and_then(Record::finish));
        Self { calls }
    }
}

impl Record {
    fn line(&mut self, bare: &str, line: &str) {
        let header = |name: &str| -> Option<usize> {
            let count = bare.strip_prefix("--- ")?.strip_prefix(name)?.strip_prefix(" (")?;
            count.split_once(' ')?.0.parse().ok()
        };
        if let Some(rest) = bare.strip_prefix("exit ").filter(|_| self.stream.is_none()) {
            let mut words = rest.split_whitespace();
            let code: Option<i32> = words.next().and_then(|code| code.parse().ok());
            match code {
                Some(code) if code < 0 => self.call.signal = Some(-code),
                code => self.call.exit = code,
            }
            let wall = words.find(|word| *word == "wall").and_then(|_| words.next());
            self.call.delay_ms = wall.and_then(milliseconds).unwrap_or(0);
        } else if let Some(length) = header("stdout") {
            self.stream = Some((true, length));
        } else if let Some(length) = header("stderr") {
            self.stdout_is_complete();
            self.stream = Some((false, length));
        } else {
            match self.stream {
                Some((true, _)) => self.stdout.push_str(line),
                Some((false, _)) => self.stderr.push_str(line),
                None => {}
            }
        }
    }

    fn stdout_is_complete(&mut self) {
        if let Some((true, length)) = self.stream {
            trim(&mut self.stdout, length);
        }
    }

    fn finish(mut self) -> Option<Call> {
        match self.stream {
            Some((true, length)) => trim(&mut self.stdout, length),
            Some((false, length)) => {
                // The empty line between two records.
                if self.stderr.len() > length && self.stderr.ends_with('\n') {
                    self.stderr.pop();
                }
                trim(&mut self.stderr, length);
            }
            None => {}
        }
        self.call.stdout = pattern::escape(&self.stdout);
        self.call.stderr = pattern::escape(&self.stderr);
        (self.call.exit.is_some() || self.call.signal.is_some()).then_some(self.call)
    }
}

/// A transcript ends each stream with a line's end, also one that had none; some say so in a line of their own.
fn trim(text: &mut String, length: usize) {
    if let Some(rest) = text.trim_end_matches('\n').strip_suffix("\n[no newline at end]") {
        text.truncate(rest.len());
    }
    if text.len() == length + 1 && text.ends_with('\n') {
        text.pop();
    }
}

/// `0.228` seconds.
fn milliseconds(seconds: &str) -> Option<u64> {
    let (whole, part) = seconds.split_once('.').unwrap_or((seconds, ""));
    let part: String = part.chars().chain("000".chars()).take(3).collect();
    Some(whole.parse::<u64>().ok()? * 1000 + part.parse::<u64>().ok()?)
}

fn is_of(argv: &[String], program: &str) -> bool {
    argv.first().is_some_and(|first| first == program)
}

/// The words of a command line; `None` for one that only a shell understands.
fn words(line: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        match letter {
            ' ' => words.extend(word.take()),
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match letters.next()? {
                        '\'' => break,
                        letter => word.push(letter),
                    }
                }
            }
            '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match letters.next()? {
                        '"' => break,
                        '\\' => word.push(letters.next()?),
                        '$' | '`' => return None,
                        letter => word.push(letter),
                    }
                }
            }
            '\\' => word.get_or_insert_default().push(letters.next()?),
            '#' if word.is_none() => break,
            '|' | ';' | '&' | '(' | ')' | '`' => return None,
            letter => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    let is_variable = |word: &String| {
        let name = word.split_once('=').map_or("", |(name, _)| name);
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    let mut words = words.into_iter().peekable();
    let is_env = words.next_if(|word| word == "env").is_some();
    while let Some(word) = words.next_if(|word| is_variable(word) || (is_env && word == "-u")) {
        if word == "-u" {
            words.next();
        }
    }
    Some(words.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Replay;

    const SESSION: &str = "\
Some words before.

## nobody
$ env CODER_TOKEN=<TOKEN> -u HOME coder list -o json
exit 0   wall 0.228 s
--- stdout (3 bytes)
[]
--- stderr (0 bytes)

## two lines, the last without an end
$ coder create '' --search \"owner:me name:x\"   # a remark
exit -9   wall 12 s
--- stdout (2 bytes)
no
[no newline at end]
--- stderr (9 bytes)
one

two

$ coder list | jq .
exit 0   wall 0.1 s
--- stdout (1 bytes)

--- stderr (0 bytes)

$ coder stop x
exit 1
--- stdout (3 bytes)
say
--- stderr (2 bytes)
no
$ ssh box true
exit 0
--- stdout (0 bytes)
--- stderr (0 bytes)
";

    #[test]
    fn the_calls_of_one_program_are_taken_out_of_a_session() {
        let cassette = Cassette::from_transcript(SESSION, "coder");
        let [list, create, stop] = cassette.calls.as_slice() else { panic!("{cassette:?}") };
        assert_eq!(list.argv, ["coder", "list", "-o", "json"]);
        assert_eq!((list.exit, list.delay_ms, list.stdout.as_str()), (Some(0), 228, "[]\n"));
        assert_eq!(create.argv, ["coder", "create", "", "--search", "owner:me name:x"]);
        assert_eq!((create.exit, create.signal, create.delay_ms), (None, Some(9), 12_000));
        assert_eq!((create.stdout.as_str(), create.stderr.as_str()), ("no", "one\n\ntwo\n"));
        assert_eq!((stop.stdout.as_str(), stop.stderr.as_str()), ("say", "no"));
        let text = cassette.to_toml();
        assert_eq!(Cassette::parse(&text).expect("reads"), cassette);
        assert_eq!(Replay::new(cassette).problems().len(), 3);
    }
}
