//! Who is measured, in what.

use crate::measurement::Measurement;
use crate::stage::Stage;

/// Why a measurement could not be made.
pub type MeasureError = Box<dyn std::error::Error + Send + Sync>;

/// One competitor in one case.
pub trait Subject {
    /// Its name, the same in every case.
    fn name(&self) -> &str;

    /// Version and configuration in a few words, for the report.
    fn about(&self) -> String;

    /// Does the case's work once and says what came of it.
    ///
    /// Whatever it has to prepare comes before it starts the stage's watch. It may find in the
    /// stage's folder what an earlier round left there.
    ///
    /// # Errors
    /// Its own, or the system's; nothing may be concluded then.
    fn measure(&self, stage: &Stage) -> Result<Vec<Measurement>, MeasureError>;
}

/// One kind of work, and everybody who does it.
pub struct Case {
    /// Unique in its suite: what is done, how much of it at once.
    pub name: &'static str,
    /// What is done, in a sentence.
    pub about: &'static str,
    /// Those who do it, in the order they run in each round.
    pub subjects: Vec<Box<dyn Subject>>,
}

/// Cases about one thing.
pub struct Suite {
    /// Unique among the suites.
    pub name: &'static str,
    /// What the cases have in common, in a sentence.
    pub about: &'static str,
    /// In the order they run in each round.
    pub cases: Vec<Case>,
}

impl Suite {
    /// The case of a name.
    pub fn case(&self, name: &str) -> Option<&Case> {
        self.cases.iter().find(|case| case.name == name)
    }
}

impl Case {
    /// The subject of a name.
    pub fn subject(&self, name: &str) -> Option<&dyn Subject> {
        self.subjects.iter().find(|subject| subject.name() == name).map(AsRef::as_ref)
    }
}
