//! Words that mean much the same when somebody asks for work: what a search by words cannot know by itself.
//!
//! General English, written from general knowledge and never from test cases: a row belongs here if it would help a
//! stranger's agents as much as ours. Keep it so short that a person can read it. Words are given in any form, they are
//! stemmed on loading; a word may stand in several rows, and rows do not chain: what is like a word is only what shares a
//! row with it.

use super::words::Words;
use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

/// The tables, ready for use.
pub(super) static LEXICON: LazyLock<Lexicon> = LazyLock::new(Lexicon::load);

/// Each row's words stand for each other.
const ALIKE: &[&str] = &[
    // To have, to find and to look at.
    "get fetch retrieve obtain acquire",
    "download save",
    "search find seek lookup query",
    "list enumerate",
    "view show display present",
    "open read",
    "filter select",
    "choose pick select",
    "extract parse scrape",
    "crawl scrape spider",
    "monitor watch track observe",
    // To make and to change.
    "create make build generate produce",
    "construct build assemble",
    "write author draft compose",
    "edit modify change alter revise",
    "update refresh renew upgrade",
    "remove delete erase clear discard",
    "add insert append include attach",
    "merge combine join concatenate",
    "split divide separate partition",
    "copy duplicate clone",
    "move transfer relocate",
    "rename name",
    "replace substitute swap",
    "convert transform turn",
    "format style layout",
    "resize scale",
    "crop cut trim",
    "sort order rank",
    "compress zip archive",
    "store save persist keep",
    "share publish",
    "upload import",
    // To run and to repair.
    "run execute launch start",
    "stop halt kill terminate end",
    "cancel abort",
    "install setup configure",
    "check verify validate confirm inspect validation",
    "test try experiment",
    "fix repair correct",
    "automate automation",
    "process task",
    "task todo job",
    "plan schedule organize arrange planning",
    // To think and to say.
    "summarize summary abstract overview digest condense",
    "analyze analysis analytics examine investigate assess evaluate",
    "investigate research explore study",
    "compare comparison difference diff versus",
    "recommend suggest recommendation suggestion advice advise propose",
    "explain describe clarify",
    "predict forecast prediction",
    "solve solution solving",
    "thinking reasoning reason thought",
    "challenge problem puzzle",
    "contest competition",
    "remember recall memory memorize",
    "question query ask",
    "answer reply response",
    "problem issue",
    "error bug fault failure",
    "comment review feedback",
    "translate translation language",
    "example sample",
    "history historical past",
    "latest newest recent current",
    "trend trending popular hot",
    // Numbers.
    "calculate compute calculation arithmetic math mathematical",
    "count number total amount quantity",
    "sum add plus total",
    "average mean",
    "percent percentage ratio",
    "statistics stats statistic",
    "random arbitrary shuffle dice",
    // Texts and documents.
    "file document",
    "folder directory path",
    "text content",
    "note memo",
    "report document summary",
    "article post story",
    "title heading caption",
    "tag label keyword",
    "metadata exif property attribute",
    "word docx",
    "table spreadsheet sheet",
    "spreadsheet excel workbook cell",
    "slide presentation powerpoint pptx deck slideshow",
    "mindmap brainstorm outline",
    "author writer",
    "encyclopedia wikipedia wiki",
    "paper publication preprint article academic scholarly",
    "research study science scientific",
    "documentation docs manual reference",
    "guide tutorial guidance",
    "news headline",
    // Pictures, sound and drawing.
    "image picture photo photograph",
    "icon symbol pictogram",
    "logo icon",
    "art artwork painting museum gallery",
    "draw sketch paint drawing painting",
    "chart plot graph diagram",
    "visualize visualization chart plot graph",
    "flowchart diagram",
    "render display",
    "animation effect",
    "screenshot snapshot capture",
    "record capture",
    "video movie film clip",
    "subtitle transcript caption transcription",
    "audio sound recording",
    "listen hear audio",
    "music song track melody",
    "tempo beat rhythm bpm",
    // The web and messages.
    "web internet online",
    "page site website webpage",
    "website site domain",
    "url link address hyperlink",
    "browser chrome browse",
    "click press tap",
    "send submit deliver post",
    "notify notification alert remind reminder",
    "message chat conversation",
    "mail email",
    "user person account people",
    // Programs and data.
    "code source program software",
    "application app",
    "package library module dependency",
    "version release",
    "repository repo",
    "commit change",
    "developer programmer coder",
    "function method",
    "component widget",
    "interface ui",
    "command terminal shell console",
    "container docker",
    "database db sql",
    "data dataset information",
    "information info detail",
    "vulnerability security",
    "password secret",
    // Places, times and travel.
    "map geography geographic location",
    "location place position address coordinate geocode",
    "nearby near around close proximity",
    "route direction navigation path",
    "distance far",
    "city town",
    "country nation",
    "government federal public",
    "time clock hour",
    "timezone zone",
    "date day calendar",
    "event appointment meeting",
    "weather climate temperature forecast",
    "rain precipitation weather",
    "travel trip journey itinerary vacation holiday tour tourism",
    "sightseeing attraction landmark tourist",
    "hotel accommodation lodging apartment rental stay listing",
    "reserve reservation booking book",
    "flight airline airport plane",
    "train railway rail",
    "ticket fare",
    // Money and trade.
    "price cost value quote pricing",
    "money currency cash",
    "exchange conversion currency forex",
    "buy purchase",
    "sell trade",
    "stock share equity ticker",
    "company firm business corporation enterprise",
    "finance financial",
    "invest investment investor portfolio",
    "crypto cryptocurrency coin token blockchain web3",
    "earnings revenue income profit",
    "tax fee charge",
    // Food, health and play.
    "food dish meal cuisine",
    "meal menu dinner lunch breakfast",
    "recipe cook dish cooking",
    "restaurant cafe",
    "health medical medicine clinical",
    "disease illness disorder cancer",
    "drug medication medicine",
    "gene genetic genomic variant mutation",
    "protein molecule",
    "play game",
    "match game",
    "player gamer summoner",
    "character hero champion",
    "card deck",
    "astrology horoscope fortune zodiac",
    "exercise workout fitness",
    "school course lesson class",
    "law legal contract",
];

/// Endings of files: what such a file is.
const FILE_ENDINGS: &[(&str, &str)] = &[
    ("csv tsv", "file table spreadsheet data"),
    ("json yaml yml xml toml", "file data"),
    ("xls xlsx", "excel spreadsheet file"),
    ("doc docx", "word document file"),
    ("ppt pptx", "powerpoint presentation slide"),
    ("pdf", "document file"),
    ("txt log", "text file"),
    ("md", "markdown file"),
    ("html htm", "web page"),
    ("png jpg jpeg gif webp bmp", "image file"),
    ("svg", "image vector"),
    ("mp3 wav flac", "audio music file"),
    ("mp4 mkv avi", "video file"),
    ("zip tar gz", "archive file"),
    ("sh bash", "shell command"),
    ("py js ts rs java cpp", "code program"),
    ("sql sqlite", "database"),
    ("ics", "calendar event"),
];

/// Words for one thing: what kind of thing it is. The kind does not stand for the thing.
const KINDS: &[(&str, &str)] = &[
    ("http https www", "web url page fetch"),
    ("dollar euro yen pound yuan franc krone usd eur gbp jpy cny", "currency exchange money"),
    ("bitcoin btc ethereum eth", "crypto cryptocurrency price"),
    ("gold silver platinum", "metal price"),
    ("nasdaq dow nyse", "stock market"),
    ("youtube", "video"),
    ("tweet twitter facebook instagram tiktok reddit weibo", "social media post"),
    ("github gitlab", "repository code"),
    ("npm pip cargo maven", "package library"),
    ("linux windows macos", "system"),
    ("monday tuesday wednesday thursday friday saturday sunday", "date day"),
    ("january february march april june july august", "date"),
    ("september october november december", "date"),
    ("yesterday tomorrow weekend", "date day"),
    ("bar pie line scatter histogram", "chart"),
    ("sine cosine sqrt logarithm square", "calculate math"),
];

/// Words of asking and telling that say little about what is wanted.
const ASIDE: &str = "want need like help let make give get go take use know see tell think try come put set keep \
    look work find ask show provide include ensure sure way thing something anything everything someone anyone one \
    two three first second third last next many much several various different new good best better great nice well \
    big large small long short high low full whole main important specific certain available possible useful detailed \
    complete simple easy really currently now today recently soon later already still even ever never always often \
    maybe perhaps however therefore thus within without across along among around every another else following related \
    regarding according goal part kind type example able allow begin end final result based";

/// The tables by stem.
pub(super) struct Lexicon {
    alike: HashMap<String, Vec<String>>,
    kinds: HashMap<String, Vec<String>>,
    file_endings: HashSet<&'static str>,
    aside: HashSet<String>,
}

impl Lexicon {
    fn load() -> Self {
        let words = Words::default();
        let stems = |row: &str| row.split(' ').map(|word| words.stem(word)).collect::<Vec<String>>();
        let mut alike: HashMap<String, Vec<String>> = HashMap::new();
        for row in ALIKE.iter().map(|row| stems(row)) {
            for word in &row {
                extend(alike.entry(word.clone()).or_default(), word, &row);
            }
        }
        let mut kinds: HashMap<String, Vec<String>> = HashMap::new();
        for (things, row) in FILE_ENDINGS.iter().chain(KINDS) {
            for thing in stems(things) {
                extend(kinds.entry(thing.clone()).or_default(), &thing, &stems(row));
            }
        }
        let file_endings = FILE_ENDINGS.iter().flat_map(|(endings, _)| endings.split(' ')).collect();
        Self { alike, kinds, file_endings, aside: stems(ASIDE).into_iter().collect() }
    }

    /// What stands for a term: only what kind of thing it is if it is said aside.
    pub(super) fn alike(&'static self, term: &str, aside: bool) -> Vec<&'static str> {
        let kinds = self.kinds.get(term).into_iter().flatten();
        let same = self.alike.get(term).into_iter().flatten().filter(|_| !aside);
        same.chain(kinds).map(String::as_str).collect()
    }

    /// Whether a term says little about what is wanted.
    pub(super) fn is_aside(&self, term: &str) -> bool {
        self.aside.contains(term)
    }

    /// Whether files are named so, without the dot.
    pub(super) fn is_file_ending(&self, ending: &str) -> bool {
        self.file_endings.contains(ending)
    }
}

fn extend(known: &mut Vec<String>, word: &str, more: &[String]) {
    for other in more {
        if other != word && !known.contains(other) {
            known.push(other.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::words::is_said;
    use super::*;
    use std::collections::BTreeSet;

    /// Words of a row that a reader would have to look at twice: a query pays for each.
    const ROW_WORDS_MAX: usize = 13;

    #[test]
    fn rows_are_plain_words_and_short() {
        let kinds = FILE_ENDINGS.iter().chain(KINDS).flat_map(|(things, kinds)| [*things, *kinds]);
        for row in ALIKE.iter().copied().chain(kinds) {
            let words: Vec<&str> = row.split(' ').collect();
            let distinct: BTreeSet<&str> = words.iter().copied().collect();
            assert_eq!(distinct.len(), words.len(), "{row:?} repeats a word");
            assert!(words.len() <= ROW_WORDS_MAX, "{row:?} is long");
            for word in words {
                assert!(
                    word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()),
                    "{row:?}"
                );
                assert!(is_said(word), "{word:?} in {row:?} never reaches the search");
            }
        }
        assert_eq!(ALIKE.iter().collect::<BTreeSet<_>>().len(), ALIKE.len(), "a row stands twice");
    }

    #[test]
    fn no_word_is_widened_without_bound() {
        for term in LEXICON.alike.keys() {
            let alike = LEXICON.alike(term, false);
            assert!(alike.len() <= 20, "{term}: {alike:?}");
        }
    }

    #[test]
    fn likeness_is_mutual_and_does_not_chain() {
        for (term, alike) in &LEXICON.alike {
            for other in alike {
                assert!(LEXICON.alike[other].contains(term), "{term} and {other}");
            }
        }
        assert!(LEXICON.alike("pick", false).contains(&"select"));
        assert!(!LEXICON.alike("pick", false).contains(&"filter"));
    }
}
