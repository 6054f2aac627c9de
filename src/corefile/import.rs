//! Where the words come from: the Corefile, and in place of each `import` the snippet or the files that
//! it names.
//!
//! The sources that are being read form a stack: `import` pushes one, its end pops it. So an import that
//! leads back to itself is seen at once, and the rest of a line never reaches into another source.

use std::{
    collections::HashMap,
    io,
    path::{Path, PathBuf},
    rc::Rc,
    sync::Arc,
};

use super::{
    Diagnostic, ParseOptions, Position, Token,
    braces::balanced,
    diagnostics::{nearest, quote},
    environment, files,
    lexer::{Lexeme, lex},
};

/// CoreDNS's bound on expanded snippets: nested ones can double at each step without any cycle.
const MOST_SNIPPETS: usize = 10_000;
/// The same for files, lower than CoreDNS's 100,000: each is read anew.
const MOST_FILES: usize = 10_000;

/// The stream of words over all sources.
pub(super) struct Source<'o> {
    options: &'o ParseOptions<'o>,
    stack: Vec<Frame>,
    snippets: HashMap<String, Snippet>,
    snippets_expanded: usize,
    files_expanded: usize,
    pub(super) warnings: Vec<Diagnostic>,
    pub(super) files: Vec<PathBuf>,
}

struct Frame {
    origin: Origin,
    words: Rc<[Lexeme]>,
    next: usize,
}

#[derive(Clone, PartialEq)]
enum Origin {
    File(PathBuf),
    Snippet(String),
}

struct Snippet {
    at: Position,
    words: Rc<[Lexeme]>,
}

impl<'o> Source<'o> {
    /// Starts with the words of the Corefile itself.
    pub(super) fn new(
        path: &Path,
        text: &str,
        options: &'o ParseOptions<'o>,
    ) -> Result<Self, Diagnostic> {
        let mut warnings = Vec::new();
        let file: Arc<Path> = path.into();
        let words = lex(&file, text, &mut warnings)?.into();
        let origin = Origin::File(identity(path));
        Ok(Self {
            options,
            stack: vec![Frame { origin, words, next: 0 }],
            snippets: HashMap::new(),
            snippets_expanded: 0,
            files_expanded: 0,
            warnings,
            files: vec![path.to_owned()],
        })
    }

    /// The next word, in whatever source it is.
    pub(super) fn peek(&mut self) -> Option<&Lexeme> {
        while self.stack.last().is_some_and(|f| f.next == f.words.len()) {
            self.stack.pop();
        }
        let frame = self.stack.last()?;
        frame.words.get(frame.next)
    }

    /// The next word if it stands on the line of the last one.
    pub(super) fn peek_same_line(&self) -> Option<&Lexeme> {
        let frame = self.stack.last()?;
        let same_line = |word: &&Lexeme| frame.next > 0 && !word.starts_line;
        frame.words.get(frame.next).filter(same_line)
    }

    /// Takes the word that was peeked at.
    pub(super) fn take(&mut self) -> Option<Lexeme> {
        let word = self.peek().cloned()?;
        if let Some(frame) = self.stack.last_mut() {
            frame.next += 1;
        }
        Some(word)
    }

    /// `token` with its environment variables replaced.
    pub(super) fn expand(&mut self, token: &Token) -> Result<Token, Diagnostic> {
        environment::expand(token, self.options.env, &mut self.warnings)
    }

    /// Remembers what stands between the braces of `(name)`.
    pub(super) fn define_snippet(
        &mut self,
        name: &Token,
        mut words: Vec<Lexeme>,
    ) -> Result<(), Diagnostic> {
        if let Some(first) = self.snippets.get(&name.text) {
            return Err(Diagnostic::new(
                name.at.clone(),
                format!("the snippet ({}) is defined already at {}", name.text, first.at),
                "give one of the two another name",
            ));
        }
        // It stands for whole lines wherever it is imported, also where its text begins after the brace.
        if let Some(first) = words.first_mut() {
            first.starts_line = true;
        }
        let snippet = Snippet { at: name.at.clone(), words: words.into() };
        self.snippets.insert(name.text.clone(), snippet);
        Ok(())
    }

    /// Reads `import NAME`, whose first word is peeked at, and goes on with what it names.
    pub(super) fn import(&mut self) -> Result<(), Diagnostic> {
        const REMEDY: &str = "write `import NAME` on a line of its own, where NAME is a snippet, a file or a pattern";
        let Some(import) = self.take() else {
            return Ok(());
        };
        let wrong = |problem: String| Diagnostic::new(import.token.at.clone(), problem, REMEDY);
        let Some(raw) = self.peek_same_line().map(|word| word.token.clone()) else {
            return Err(wrong("import without a name".to_owned()));
        };
        self.take();
        let name = self.expand(&raw)?;
        if name.text.is_empty() {
            return Err(wrong("import of an empty name".to_owned()));
        }
        if let Some(extra) = self.peek_same_line() {
            let extra = quote(&extra.token.text);
            return Err(wrong(format!("import takes one name, but {extra} follows")));
        }
        match self.snippets.get(&name.text) {
            Some(snippet) => {
                let words = snippet.words.clone();
                self.snippets_expanded += 1;
                self.bound(&name, self.snippets_expanded, MOST_SNIPPETS)?;
                self.push(&name, Origin::Snippet(name.text.clone()), words)
            }
            None => self.import_files(&name),
        }
    }

    fn import_files(&mut self, name: &Token) -> Result<(), Diagnostic> {
        let mut read = Vec::new();
        for path in files::find(name, &mut self.warnings)? {
            self.files_expanded += 1;
            self.bound(name, self.files_expanded, MOST_FILES)?;
            let text = files::read(&path, &mut self.warnings)
                .map_err(|error| self.not_read(name, &path, &error))?;
            let words = lex(&path.as_path().into(), &text, &mut self.warnings)?;
            balanced(&words)?;
            if !self.files.contains(&path) {
                self.files.push(path.clone());
            }
            read.push((Origin::File(identity(&path)), words));
        }
        // Last on the stack is first to be read.
        for (origin, words) in read.into_iter().rev() {
            self.push(name, origin, words.into())?;
        }
        Ok(())
    }

    fn not_read(&self, name: &Token, path: &Path, error: &io::Error) -> Diagnostic {
        let definition = format!("({})", name.text);
        let mut later = self.stack.iter().flat_map(|frame| &frame.words[frame.next..]);
        let (problem, remedy) = match later.find(|word| word.starts_line && word.is(&definition)) {
            Some(later) => (
                format!(
                    "the snippet {definition} is used before its definition at {}",
                    later.token.at
                ),
                "define it above",
            ),
            None if error.kind() == io::ErrorKind::NotFound => {
                let problem = format!(
                    "there is no snippet {definition}, and {} cannot be imported: {error}",
                    path.display()
                );
                let mut known: Vec<&str> = self.snippets.keys().map(String::as_str).collect();
                // In one order, for a map has none.
                known.sort_unstable();
                if let Some(meant) = nearest(&name.text, &known) {
                    return name.error(problem, format!("did you mean '{meant}'?"));
                }
                (problem, "define the snippet above, or name a file, relative to this one")
            }
            None => (
                format!("cannot import {}: {error}", path.display()),
                "import a readable text file, or narrow the pattern",
            ),
        };
        name.error(problem, remedy)
    }

    fn push(
        &mut self,
        name: &Token,
        origin: Origin,
        words: Rc<[Lexeme]>,
    ) -> Result<(), Diagnostic> {
        // Sources that wait for their turn (of one pattern) are on the stack too, but lead nowhere yet.
        if self.stack.iter().any(|f| f.next > 0 && f.origin == origin) {
            return Err(Diagnostic::new(
                name.at.clone(),
                format!("the import of {} leads back to itself", quote(&name.text)),
                "take one of the imports of this cycle out",
            ));
        }
        self.stack.push(Frame { origin, words, next: 0 });
        Ok(())
    }

    fn bound(&self, name: &Token, count: usize, most: usize) -> Result<(), Diagnostic> {
        if count <= most {
            return Ok(());
        }
        Err(Diagnostic::new(
            name.at.clone(),
            format!("more than {most} imports"),
            "import less: imports that import each other multiply",
        ))
    }
}

/// What tells two files apart, however they are named.
fn identity(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}
