"""Tables of text: keypoints/tables.py."""

from attention_keypoints.keypoints.tables import text_table


def test_a_table_is_markdown_with_names_to_the_left_and_numbers_to_the_right():
    assert text_table(["joint", "PCK"], [["left_hand", "0.5"], ["a|b", "12.25"]]).splitlines() == [
        "| joint     |   PCK |",
        "| --------- | ----: |",
        "| left_hand |   0.5 |",
        "| a\\|b      | 12.25 |",
    ]


def test_a_table_without_rows_is_its_header():
    assert text_table(["joint"], []) == "| joint |\n| ----- |"
