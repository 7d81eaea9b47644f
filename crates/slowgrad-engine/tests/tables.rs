//! Tables as people have them: separators, headers, columns, classes, missing values and scales; and what is wrong with
//! others, in words about the table.
#![allow(clippy::format_collect, clippy::format_push_string, reason = "a test")]

use slowgrad_engine::data::Data;
use slowgrad_engine::data::report::DataReport;
use slowgrad_engine::data::table::{LoadedTable, TableError, TableSettings, read};
use slowgrad_engine::spec::{ColumnRef, MissingValues, Scale, TableSpec};
use std::cell::RefCell;
use std::io::{Cursor, Write as _};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

fn name(name: &str) -> ColumnRef {
    ColumnRef::Name(name.to_owned())
}

fn names(list: &[&str]) -> Vec<ColumnRef> {
    list.iter().map(|item| name(item)).collect()
}

/// A table with these inputs and targets; all other columns are inputs without `inputs`.
fn spec(path: &str, inputs: &[&str], targets: &[&str]) -> TableSpec {
    let inputs = (!inputs.is_empty()).then(|| names(inputs));
    TableSpec { path: path.to_owned(), inputs, targets: names(targets), ..TableSpec::default() }
}

fn purpose(inputs: usize, outputs: usize) -> TableSettings {
    TableSettings { inputs, outputs, test_fraction: 0.0, seed: 1, max_unpacked_bytes: 1 << 20 }
}

fn loaded(spec: &TableSpec, text: &str, inputs: usize, outputs: usize) -> LoadedTable {
    read(spec, text.as_bytes(), purpose(inputs, outputs), &|_| ()).unwrap_or_else(|error| panic!("{text}\n{error}"))
}

fn error(spec: &TableSpec, text: &str, inputs: usize, outputs: usize) -> (String, String) {
    match read(spec, text.as_bytes(), purpose(inputs, outputs), &|_| ()) {
        Ok(loaded) => panic!("{text}\n{:?}", loaded.report),
        Err(error) => (error.to_string(), error.help()),
    }
}

fn rows(data: &Data) -> Vec<(Vec<f64>, Vec<f64>)> {
    (0..data.len()).map(|sample| (data.input(sample).to_vec(), data.target(sample).to_vec())).collect()
}

#[test]
fn separators_decimal_commas_and_marks_make_no_difference() {
    let expected = [(vec![1.5, 2.5], vec![0.1]), (vec![3.5, 4.5], vec![0.2])];
    let by_name = spec("t.csv", &["height", "width"], &["kind"]);
    for text in [
        "height,width,kind\n1.5,2.5,0.1\n3.5,4.5,0.2\n",
        "height;width;kind\n1,5;2,5;0,1\n3,5;4,5;0,2\n",
        "height\twidth\tkind\n1.5\t2.5\t0.1\n3.5\t4.5\t0.2\n",
        "height|width|kind\r\n1.5|2.5|0.1\r\n\r\n3.5|4.5|0.2",
        "\u{feff}height , width,kind\n 1.5, 2.5 ,0.1\n\"3.5\",\"4.5\",0.2\n",
        "kind,\"width\",height\n0.1,2.5,1.5\n0.2,4.5,3.5\n",
        "sep=;\nheight;width;kind\n1.5;2.5;0.1\n3.5;4.5;0.2\n",
    ] {
        let found = loaded(&by_name, text, 2, 1);
        assert_eq!(rows(&found.train), expected, "{text:?}");
        assert_eq!((found.names.input(1), found.names.output(0)), (Some("width"), Some("kind")));
    }
    let named = TableSpec { separator: Some(b','), decimal_comma: Some(true), ..by_name.clone() };
    let quoted = "height,width,kind\n\"1,5\",\"2,5\",\"0,1\"\n\"3,5\",\"4,5\",\"0,2\"\n";
    assert_eq!(rows(&loaded(&named, quoted, 2, 1).train), expected);
    let tsv = TableSpec { path: "T.TSV".to_owned(), ..by_name };
    assert_eq!(rows(&loaded(&tsv, "height\twidth\tkind\n1.5\t2.5\t0.1\n3.5\t4.5\t0.2\n", 2, 1).train), expected);
}

#[test]
fn a_table_without_header_is_read_by_numbers() {
    let iris = "5.1,3.5,1.4,0.2,Iris-setosa\n4.9,3.0,1.4,0.2,Iris-setosa\n7.0,3.2,4.7,1.4,Iris-versicolor\n\n";
    let by_number = TableSpec {
        path: "iris2.csv".to_owned(),
        inputs: Some((0..4).map(ColumnRef::Number).collect()),
        targets: vec![ColumnRef::Number(4)],
        ..TableSpec::default()
    };
    let found = loaded(&by_number, iris, 4, 2);
    assert_eq!(rows(&found.train)[2], (vec![7.0, 3.2, 4.7, 1.4], vec![0.0, 1.0]));
    assert_eq!((found.names.input(0), found.names.output(1)), (None, Some("Iris-versicolor")));
    let header = TableSpec { inputs: None, ..by_number.clone() };
    let found = loaded(&header, &format!("a,b,c,d,species\n{iris}"), 4, 2);
    assert_eq!((found.train.len(), found.names.input(3)), (3, Some("d")));
    // Words only: names do not occur again below.
    let mushrooms = TableSpec { inputs: None, targets: vec![ColumnRef::Number(0)], ..TableSpec::default() };
    assert_eq!(loaded(&mushrooms, "p,x\ne,x\np,y\n", 2, 2).train.len(), 3);
    assert_eq!(loaded(&mushrooms, "class,cap\ne,x\np,y\n", 2, 2).train.len(), 2);
    assert_eq!(loaded(&TableSpec { header: Some(false), ..mushrooms }, "class,cap\ne,x\np,y\n", 3, 3).train.len(), 3);
    let (message, help) = error(&spec("t.csv", &["x"], &["y"]), iris, 1, 1);
    assert!(message.contains("no column «x»; the columns are 5.1, 3.5") && help.contains("by number from 0"), "{help}");
    let (message, help) = error(&TableSpec { header: Some(false), ..spec("", &["x"], &["y"]) }, iris, 1, 1);
    assert!(message.contains("no names") && help.contains("`header: false`"));
    let beyond = TableSpec { targets: vec![ColumnRef::Number(5)], ..by_number };
    assert_eq!(error(&beyond, iris, 4, 1).0, "there is no column 5; the table has 5 columns, counted from 0");
}

#[test]
fn words_become_one_input_each_and_columns_may_be_several_targets() {
    let text = "sex,age,t1,t2\nmale,30,0.1,0.9\nfemale,20,0.2,0.8\n";
    let found = loaded(&spec("t.csv", &["sex", "age"], &["t1", "t2"]), text, 3, 2);
    assert_eq!(rows(&found.train)[0], (vec![1.0, 0.0, 30.0], vec![0.1, 0.9]));
    assert_eq!(found.names.inputs, ["sex=male", "sex=female", "age"]);
    assert_eq!(found.names.outputs, ["t1", "t2"]);
    let report = DataReport::new(&found.train, &found.test, &found.names, Some(found.report));
    assert_eq!(report.changes(), ["sex is 2 inputs, one for each word: male, female"]);
    // A code that looks like a number.
    let codes = TableSpec { words: names(&["zip"]), ..spec("t.csv", &["zip"], &["y"]) };
    let found = loaded(&codes, "zip,y\n0123,1.5\nNA,2\n0123,3\n", 2, 1);
    assert_eq!(found.names.inputs, ["zip=0123", "zip=NA"]);
    assert_eq!(rows(&found.train)[1].0, [0.0, 1.0]);
}

#[test]
fn whole_numbers_are_classes_where_there_are_several_outputs() {
    let text = "a,b,class\n1,2,3\n2,3,1\n3,1,2\n1,1,1\n";
    let wine = spec("wine.csv", &["a", "b"], &["class"]);
    let found = loaded(&wine, text, 2, 3);
    assert_eq!(rows(&found.train)[0].1, [0.0, 0.0, 1.0]);
    assert_eq!(found.names.outputs, ["1", "2", "3"]);
    assert_eq!(rows(&loaded(&wine, text, 2, 1).train)[0].1, [3.0]);
    let classes = TableSpec { classes: Some(true), ..wine.clone() };
    assert_eq!(loaded(&classes, text, 2, 3).names.outputs, ["1", "2", "3"]);
    let (message, help) = error(&classes, text, 2, 1);
    assert_eq!(message, "column «class» needs one output for each class: 1, 2, 3; that is 3, but the network has 1");
    assert!(help.contains("one output for each"));
    let numbers = TableSpec { classes: Some(false), ..wine };
    assert_eq!(error(&numbers, text, 2, 3).0, "the table gives 1 targets (class), but the network has 3");
    assert_eq!(
        error(&classes, "a,b,class\n1,2,0\n1,2,0.5\n", 2, 2).0,
        "line 3, column «class»: «0.5» is not a whole number, so it cannot be a class"
    );
    // Words and numbers are classes if the lesson says so.
    assert_eq!(loaded(&classes, "a,b,class\n1,2,3\n1,2,other\n", 2, 2).names.outputs, ["3", "other"]);
}

#[test]
fn a_row_that_starts_with_a_hash_is_data() {
    let found = loaded(&spec("hash.csv", &["x"], &["y"]), "tag,x,y\n#1,0.1,1\n#2,0.2,2\n3,0.3,3\n#4,0.4,4\n", 1, 1);
    assert_eq!(found.train.targets(), [1.0, 2.0, 3.0, 4.0]);
}

#[test]
fn missing_and_unreadable_values_are_told_with_their_cell() {
    let na = "x,label\n0.1,0\n0.2,1\n0.3,NA\n0.4,1\n";
    let label = spec("na.csv", &["x"], &["label"]);
    assert_eq!(error(&label, na, 1, 2).0, "line 4, column «label»: the value is missing («NA»)");
    let q = "x,y\n0.1,10.5\n0.2,20.5\n0.3,?\n0.4,40.5\n";
    assert_eq!(error(&spec("q.csv", &["x"], &["y"]), q, 1, 1).0, "line 4, column «y»: the value is missing («?»)");
    let empty = error(&spec("q.csv", &["x"], &["y"]), "x,y\n0.1,1\n,2\n", 1, 1);
    assert_eq!(empty.0, "line 3, column «x»: the value is missing");
    assert!(empty.1.contains("missing: \"drop\"") && empty.1.contains("missing: \"mean\""));
    // A column that the lesson does not use may have gaps.
    assert_eq!(loaded(&spec("", &["x"], &["y"]), "x,note,y\n1,,2\n", 1, 1).train.len(), 1);
    let typo = "x,y\n1,2\n\n2,2.o\n3,4\n";
    let (message, help) = error(&spec("t.csv", &["x"], &["y"]), typo, 1, 1);
    assert_eq!(message, "line 4, column «y»: «2.o» is not a number, but 2 other cells of this column are");
    assert!(help.contains("`words`"));
    assert!(error(&spec("", &["x"], &["y"]), "x,y\n1,2\n\"1,234\",3\n2,4\n", 1, 1).1.contains("decimal: \",\""));
    assert_eq!(
        error(&spec("", &["x"], &["y"]), "x,y\na,2\nb,3\n7,4\n", 3, 1).0,
        "line 4, column «x»: «7» is a number, but 2 other cells of this column are words"
    );
    let dropped = TableSpec { missing: MissingValues::Drop, ..spec("t.csv", &["x"], &["y"]) };
    let found = loaded(&dropped, "x,y\n1,2\n2,2.o\nNA,5\n3,4\n", 1, 1);
    assert_eq!(found.train.targets(), [2.0, 4.0]);
    let report = DataReport::new(&found.train, &found.test, &found.names, Some(found.report));
    assert_eq!(
        report.changes(),
        ["2 of 4 rows dropped for a missing or unreadable value, first line 3, column «y», «2.o»"]
    );
    assert!(
        report.summary().contains(&"t.csv: 4 rows, 2 columns, named in the first row, a text with commas".to_owned())
    );
    assert_eq!(
        error(&dropped, "x,y\n,1\n2,\n", 1, 1).0,
        "all 2 rows are dropped, because each has a missing or unreadable value"
    );
}

#[test]
fn missing_inputs_are_filled_with_the_mean_of_the_training_rows() {
    let mean = TableSpec { missing: MissingValues::Mean, ..spec("t.csv", &["x", "w"], &["y"]) };
    let found = loaded(&mean, "x,w,y\n1,a,1\n,b,2\n4,,3\n7,b,4\n9,a,\n", 3, 1);
    let third = 1.0 / 3.0;
    assert_eq!(
        rows(&found.train).into_iter().map(|(input, _)| input).collect::<Vec<_>>(),
        [vec![1.0, 1.0, 0.0], vec![4.0, 0.0, 1.0], vec![4.0, third, 2.0 * third], vec![7.0, 0.0, 1.0]]
    );
    let report = DataReport::new(&found.train, &found.test, &found.names, Some(found.report));
    assert_eq!(
        report.changes()[..2],
        [
            "1 of 5 rows dropped for a missing or unreadable value, first line 6, column «y», an empty cell",
            "3 missing inputs in 2 rows filled with the mean of the 4 rows for training"
        ]
    );
    assert!(matches!(
        read(&mean, b"x,w,y\n,a,1\n,b,2\n", purpose(3, 1), &|_| ()),
        Err(TableError::NoValues(column)) if column == "column «x»"
    ));
}

#[test]
fn scales_are_computed_on_the_training_rows_alone() {
    let text: String = std::iter::once("x,w,y\n".to_owned())
        .chain((0..40).map(|i| format!("{},{},{}\n", i * i, if i % 2 == 0 { "a" } else { "b" }, i)))
        .collect();
    for (kind, check) in [(Scale::Standard, true), (Scale::MinMax, false)] {
        let scaled = TableSpec { scale: Some(kind), ..spec("t.csv", &["x", "w"], &["y"]) };
        let purpose = TableSettings { test_fraction: 0.25, ..purpose(3, 1) };
        let found = read(&scaled, text.as_bytes(), purpose, &|_| ()).expect("a table");
        assert_eq!((found.train.len(), found.test.len()), (30, 10));
        let xs = |data: &Data| rows(data).iter().map(|(input, _)| input[0]).collect::<Vec<f64>>();
        let train = xs(&found.train);
        let mean = train.iter().sum::<f64>() / 30.0;
        let deviation = (train.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / 30.0).sqrt();
        if check {
            assert!(mean.abs() < 1e-12 && (deviation - 1.0).abs() < 1e-12, "{mean} {deviation}");
        } else {
            assert_eq!(
                (train.iter().copied().fold(9.0, f64::min), train.iter().copied().fold(-9.0, f64::max)),
                (0.0, 1.0)
            );
        }
        let scale = found.report.scaled.as_ref().expect("a scale").inputs[0];
        for (input, target) in rows(&found.train).iter().chain(&rows(&found.test)) {
            assert!((input[0] * scale.divisor + scale.offset - target[0] * target[0]).abs() < 1e-9);
            assert_eq!(input[1] + input[2], 1.0, "words are not scaled");
        }
    }
    let constant = TableSpec { scale: Some(Scale::Standard), ..spec("t.csv", &["x"], &["y"]) };
    assert_eq!(loaded(&constant, "x,y\n5,1\n5,2\n", 1, 1).train.inputs(), [0.0, 0.0]);
    assert!(error(&constant, "x,y\n1.7e308,1\n-1.7e308,2\n", 1, 1).0.contains("too large to be scaled"));
}

#[test]
fn a_table_that_does_not_fit_the_network_is_explained_by_its_columns() {
    let text = "sex,age,answer\nmale,30,yes\nfemale,20,no\n";
    let (message, _) = error(&spec("t.csv", &[], &["answer"]), text, 1, 2);
    assert_eq!(message, "the table gives 3 inputs (sex (male, female), age), but the network has 1");
    let (message, _) = error(&spec("t.csv", &[], &["answer"]), text, 3, 1);
    assert_eq!(message, "column «answer» needs one output for each word: yes, no; that is 2, but the network has 1");
    let (message, help) = error(&spec("t.csv", &["ag"], &["answer"]), text, 1, 2);
    assert_eq!(message, "there is no column «ag»; the columns are sex, age, answer");
    assert!(help.contains("by its name"));
    assert_eq!(error(&spec("", &["age", "answer"], &["answer"]), text, 2, 2).0, "column «answer» is used twice");
    assert_eq!(
        error(&spec("", &["a"], &["y"]), "a,a,y\n1,2,3\n", 1, 1).0,
        "columns 0 and 1, counted from 0, are both named «a»"
    );
    assert_eq!(error(&spec("", &["a"], &["y"]), "a,y\n1,2\n1,2,3\n", 1, 1).0, "line 3 has 3 cells, but line 1 has 2");
    assert_eq!(error(&spec("", &["a"], &["y"]), "a,y\n\n1\n", 1, 1).0, "line 3 has 1 cell, but line 1 has 2");
    assert_eq!(error(&spec("", &["a"], &["y"]), "a,y\n", 1, 1).0, "the table has no rows of data");
    assert_eq!(error(&spec("", &["a"], &["y"]), "", 1, 1).0, "the table has no rows of data");
    let thousands: String = (0..1_100).map(|i| format!("{i},word{i}\n")).collect();
    let (message, help) = error(&spec("", &["a"], &["b"]), &format!("a,b\n{thousands}"), 1, 2);
    assert_eq!(message, "column «b» has more than 1000 different words, such as «word1000»");
    assert!(help.contains("mistyped"));
}

#[test]
fn progress_rises_from_0_to_1() {
    let text: String = std::iter::once("x,y\n".to_owned()).chain((0..5_000).map(|i| format!("{i},{i}\n"))).collect();
    let told = RefCell::new(Vec::new());
    let tell = |part| told.borrow_mut().push(part);
    read(&spec("t.csv", &["x"], &["y"]), text.as_bytes(), purpose(1, 1), &tell).expect("a table");
    let told = told.into_inner();
    assert!(told.len() > 100 && told.is_sorted() && (told[0], told[told.len() - 1]) == (0.0, 1.0), "{told:?}");
}

/// An Excel file with sheets of cells: XML of one row each.
fn excel(sheets: &[(&str, &str)], shared: &[&str]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let mut file = |path: &str, text: &str| {
        zip.start_file(path, SimpleFileOptions::default()).expect("an entry");
        zip.write_all(format!("<?xml version=\"1.0\"?>\n{text}").as_bytes()).expect("written");
    };
    const OFFICE: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    const MAIN: &str = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
    const PACKAGE: &str = "http://schemas.openxmlformats.org/package/2006/relationships";
    file(
        "_rels/.rels",
        &format!(
            "<Relationships xmlns=\"{PACKAGE}\"><Relationship Id=\"r\" Type=\"{OFFICE}/officeDocument\" Target=\"xl/workbook.xml\"/></Relationships>"
        ),
    );
    let (mut list, mut relations) = (String::new(), String::new());
    for (number, (name, rows)) in sheets.iter().enumerate() {
        list += &format!("<sheet name=\"{name}\" sheetId=\"{0}\" r:id=\"s{0}\"/>", number + 1);
        relations += &format!(
            "<Relationship Id=\"s{0}\" Type=\"{OFFICE}/worksheet\" Target=\"worksheets/sheet{0}.xml\"/>",
            number + 1
        );
        let text = format!("<worksheet xmlns=\"{MAIN}\"><sheetData>{rows}</sheetData></worksheet>");
        file(&format!("xl/worksheets/sheet{}.xml", number + 1), &text);
    }
    file(
        "xl/workbook.xml",
        &format!("<workbook xmlns=\"{MAIN}\" xmlns:r=\"{OFFICE}\"><sheets>{list}</sheets></workbook>"),
    );
    file("xl/_rels/workbook.xml.rels", &format!("<Relationships xmlns=\"{PACKAGE}\">{relations}</Relationships>"));
    // Cells of style 1 are dates, of style 2 dates with a time, of style 3 durations.
    file(
        "xl/styles.xml",
        &format!(
            "<styleSheet xmlns=\"{MAIN}\"><cellXfs><xf numFmtId=\"0\"/><xf numFmtId=\"14\"/><xf numFmtId=\"22\"/><xf numFmtId=\"46\"/></cellXfs></styleSheet>"
        ),
    );
    let shared: String = shared.iter().map(|text| format!("<si><t>{text}</t></si>")).collect();
    file("xl/sharedStrings.xml", &format!("<sst xmlns=\"{MAIN}\">{shared}</sst>"));
    zip.finish().expect("an archive").into_inner()
}

const SHEET: &str = "<row r=\"2\"><c r=\"A2\" t=\"s\"><v>0</v></c><c r=\"B2\" t=\"s\"><v>1</v></c><c r=\"C2\" t=\"s\"><v>2</v></c></row>\
    <row r=\"3\"><c r=\"A3\"><v>0.1</v></c><c r=\"B3\"><v>2</v></c><c r=\"C3\" t=\"s\"><v>3</v></c></row>\
    <row r=\"5\"><c r=\"A5\"><v>-1.5e-7</v></c><c r=\"B5\"><v>4</v></c><c r=\"C5\" t=\"inlineStr\"><is><t>no</t></is></c></row>";
const WORDS: [&str; 4] = ["a", "b", "answer", "yes"];

#[test]
fn the_sheets_of_an_excel_file_are_tables() {
    let other = "<row r=\"1\"><c r=\"A1\"><v>7</v></c><c r=\"B1\"><v>8</v></c></row>";
    let bytes = excel(&[("Data", SHEET), ("Other", other)], &WORDS);
    let first = spec("t.xlsx", &["a", "b"], &["answer"]);
    let found = read(&first, &bytes, purpose(2, 2), &|_| ()).expect("a table");
    assert_eq!(rows(&found.train), [(vec![0.1, 2.0], vec![1.0, 0.0]), (vec![-1.5e-7, 4.0], vec![0.0, 1.0])]);
    assert_eq!(found.names.outputs, ["yes", "no"]);
    let second = TableSpec {
        sheet: Some("Other".to_owned()),
        inputs: Some(vec![ColumnRef::Number(0)]),
        targets: vec![ColumnRef::Number(1)],
        ..first.clone()
    };
    assert_eq!(rows(&read(&second, &bytes, purpose(1, 1), &|_| ()).expect("a table").train), [(vec![7.0], vec![8.0])]);
    let absent = TableSpec { sheet: Some("Sheet9".to_owned()), ..first.clone() };
    let failed = read(&absent, &bytes, purpose(2, 2), &|_| ()).expect_err("no such sheet");
    assert_eq!(failed.to_string(), "there is no sheet «Sheet9»; the sheets are Data, Other");
    // Excel does not store empty cells: a row may be short, and its value is missing.
    let gap = SHEET.replace("<c r=\"C5\" t=\"inlineStr\"><is><t>no</t></is></c>", "");
    let failed = read(&first, &excel(&[("Data", &gap)], &WORDS), purpose(2, 2), &|_| ()).expect_err("a gap");
    assert_eq!(failed.to_string(), "row 5, column «answer»: the value is missing");
}

#[test]
fn a_date_in_an_excel_file_is_a_word_that_can_be_read() {
    let header = "<row r=\"1\"><c r=\"A1\" t=\"s\"><v>0</v></c><c r=\"B1\" t=\"s\"><v>1</v></c><c r=\"C1\" t=\"s\"><v>2</v></c></row>";
    let row = |number: usize, a: &str, b: &str, date: &str| {
        format!("<row r=\"{number}\"><c r=\"A{number}\">{a}</c><c r=\"B{number}\" s=\"3\">{b}</c>{date}</row>")
    };
    let rows = [
        row(2, "<v>1</v>", "<v>0.25</v>", "<c r=\"C2\" s=\"1\"><v>45413</v></c>"),
        row(3, "<v>2</v>", "<v>1.5</v>", "<c r=\"C3\" s=\"2\"><v>45414.270833333336</v></c>"),
        row(4, "<v>3</v>", "<v>2</v>", "<c r=\"C4\" t=\"d\"><v>2024-05-03T00:00:00</v></c>"),
    ]
    .concat();
    let bytes = excel(&[("Data", &format!("{header}{rows}"))], &["a", "b", "day"]);
    let found = read(&spec("t.xlsx", &["a", "b"], &["day"]), &bytes, purpose(2, 3), &|_| ()).expect("a table");
    assert_eq!(found.names.outputs, ["2024-05-01", "2024-05-02T06:30:00", "2024-05-03"]);
    // A duration is a number of days.
    assert_eq!(found.train.input(1), [2.0, 1.5]);
    // A date is no number: the message shows the date, not the days since 1900.
    let numbers = rows
        .replace("<c r=\"C2\" s=\"1\"><v>45413</v></c>", "<c r=\"C2\"><v>45413</v></c>")
        .replace("<c r=\"C4\" t=\"d\"><v>2024-05-03T00:00:00</v></c>", "<c r=\"C4\"><v>45415</v></c>");
    let bytes = excel(&[("Data", &format!("{header}{numbers}"))], &["a", "b", "day"]);
    let failed = read(&spec("t.xlsx", &["a", "day"], &["b"]), &bytes, purpose(2, 1), &|_| ()).expect_err("a mixture");
    assert!(failed.to_string().contains("«2024-05-02T06:30:00»"), "{failed}");
}

#[test]
fn an_excel_file_that_unpacks_to_more_than_the_limit_is_refused_early() {
    let first = spec("t.xlsx", &["a"], &["b"]);
    let bytes = excel(&[("Data", SHEET)], &[&"x".repeat(2 << 20)]);
    assert!(bytes.len() < 64 << 10, "it is a small file");
    let failed = read(&first, &bytes, purpose(1, 1), &|_| ()).expect_err("a bomb");
    assert_eq!(failed, TableError::TooLarge { max: 1 << 20 });
    // Many cells that share one long text.
    let cells: String = (1..2_000)
        .map(|row| format!("<row r=\"{row}\"><c r=\"A{row}\" t=\"s\"><v>0</v></c><c r=\"B{row}\"><v>1</v></c></row>"))
        .collect();
    let bytes = excel(&[("Data", &cells)], &[&"x".repeat(1 << 14)]);
    let by_number =
        TableSpec { inputs: Some(vec![ColumnRef::Number(0)]), targets: vec![ColumnRef::Number(1)], ..first.clone() };
    let failed = read(&by_number, &bytes, purpose(1, 1), &|_| ()).expect_err("a bomb of cells");
    assert_eq!(failed, TableError::TooLarge { max: 1 << 20 });
    for broken in [&b"PK\x03\x04 and no more"[..], b"a,b\n1,2\n", b"", &bytes[..bytes.len() / 2]] {
        let failed = read(&first, broken, purpose(1, 1), &|_| ()).expect_err("no Excel file");
        assert!(matches!(failed, TableError::NotExcel(_)), "{failed}");
    }
}
