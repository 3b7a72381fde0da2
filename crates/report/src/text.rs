//! The two languages. A text stands once, in both, where it is used: `lang.of("Kommuner", "Municipalities")`; what several
//! pages say stands here.

/// A language of the site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lang {
    /// Danish, the language of the report.
    Da,
    /// English.
    En,
}

impl Lang {
    /// Both, Danish first.
    pub(crate) const ALL: [Self; 2] = [Self::Da, Self::En];

    /// The folder of its pages, and its code in HTML.
    pub(crate) fn code(self) -> &'static str {
        self.of("da", "en")
    }

    /// The text in this language.
    pub(crate) fn of<T>(self, da: T, en: T) -> T {
        match self {
            Self::Da => da,
            Self::En => en,
        }
    }

    /// The other one.
    pub(crate) fn other(self) -> Self {
        match self {
            Self::Da => Self::En,
            Self::En => Self::Da,
        }
    }

    /// Why there is no figure.
    pub(crate) fn no_figure(self) -> &'static str {
        self.of(
            "intet tal: ingen kilde har oplyst det for dette år",
            "no figure: no source has given it for this year",
        )
    }

    /// What is said where a question has no answer.
    pub(crate) fn cannot_be_said(self) -> &'static str {
        self.of("kan ikke siges ud fra data", "cannot be said from the data")
    }
}
