//! The rules of matching one by one, each as a capture that can be read.
//!
//! A case is text: the packets, a line each (see `packet.rs`), and what must come out, a line for each row and one that
//! counts what became of the messages. Both the oracle and the engine are held against it. T is 1.2 s, R 1 s and J 10 s.

use crate::carriers::{Draft, Way, carry};
use crate::encoding::{Capture, Encoding, FIRST_NS, PLAIN};
use crate::oracle::{Row, meaning};
use crate::packet::{EPOCH_NS, LAST_NS, Packet, SECOND};
use crate::production::{machine, plain, run};
use dpp::limits::{FragmentLimits, Limits};
use dpp::packet::SKIPS;
use dpp::plan::{Plan, Ports};
use dpp::table::{Column, Schema};
use dpp::transaction::Matches;

#[test]
fn a_query_and_its_answer_are_one_row() {
    check("0 query a7 www / 0.03 response a7 www", "0 a7 www -> 0.03 No Error / = matched 1");
}

#[test]
fn a_query_without_an_answer_times_out() {
    check("0 query a7 www", "0 a7 www -> timeout / = timed out 1");
}

#[test]
fn an_answer_without_a_query_is_unclaimed() {
    check("0 response a7 www", "= unclaimed 1");
}

#[test]
fn retry_within_timeout_makes_no_second_row() {
    check(
        "0 query a7 www / 1.2 query a7 www / 1.2 response a7 www",
        "0 a7 www -> 1.2 No Error / = matched 1, retries 1",
    );
}

#[test]
fn a_query_one_ns_beyond_the_timeout_makes_a_second_row() {
    check(
        "0 query a7 www / 1.200000001 query a7 www / 1.200000001 response a7 www",
        "0 a7 www -> timeout / 1.200000001 a7 www -> 1.200000001 No Error / = matched 1, timed out 1",
    );
}

#[test]
fn a_retry_with_an_earlier_time_dates_the_row() {
    check(
        "1 query a7 www / 0.1 query a7 www / 1.3 response a7 www",
        "0.1 a7 www -> 1.3 No Error / = matched 1, retries 1",
    );
    check(
        "1 query a7 www / 0.1 query a7 www / 1.301 response a7 www",
        "0.1 a7 www -> timeout / = timed out 1, retries 1, unclaimed 1",
    );
}

#[test]
fn a_chain_of_retries_ends_a_timeout_after_the_first_query() {
    check(
        "0 query a7 www / 1 query a7 www / 2 query a7 www / 2 response a7 www",
        "0 a7 www -> timeout / 2 a7 www -> 2 No Error / = matched 1, timed out 1, retries 1",
    );
}

#[test]
fn a_query_after_the_answer_is_a_new_row() {
    check(
        "0 query a7 www / 0.1 response a7 www / 0.2 query a7 www",
        "0 a7 www -> 0.1 No Error / 0.2 a7 www -> timeout / = matched 1, timed out 1",
    );
}

#[test]
fn a_duplicated_answer_is_unclaimed() {
    check(
        "0 query a7 www / 0.1 response a7 www / 0.1 response a7 www",
        "0 a7 www -> 0.1 No Error / = matched 1, unclaimed 1",
    );
}

#[test]
fn a_duplicated_exchange_is_one_row_with_a_retry() {
    check(
        "0 query a7 www / 0 query a7 www / 0.1 response a7 www / 0.1 response a7 www",
        "0 a7 www -> 0.1 No Error / = matched 1, retries 1, unclaimed 1",
    );
}

#[test]
fn answer_at_exactly_t_matches() {
    check("0 query a7 www / 1.2 response a7 www", "0 a7 www -> 1.2 No Error / = matched 1");
}

#[test]
fn answer_one_ns_later_does_not() {
    check("0 query a7 www / 1.200000001 response a7 www", "0 a7 www -> timeout / = timed out 1, unclaimed 1");
}

#[test]
fn answer_captured_before_its_query_matches_if_it_is_not_earlier() {
    check("0.5 response a7 www / 0.4 query a7 www", "0.4 a7 www -> 0.5 No Error / = matched 1");
    check("0.5 response a7 www / 0.5 query a7 www", "0.5 a7 www -> 0.5 No Error / = matched 1");
    check(
        "0.5 response a7 www / 0.500000001 query a7 www",
        "0.500000001 a7 www -> timeout / = timed out 1, unclaimed 1",
    );
}

#[test]
fn answer_captured_before_its_query_matches_at_exactly_t() {
    check("1.3 response a7 www / 0.1 query a7 www", "0.1 a7 www -> 1.3 No Error / = matched 1");
    check(
        "1.3 response a7 www / 0.099999999 query a7 www",
        "0.099999999 a7 www -> timeout / = timed out 1, unclaimed 1",
    );
}

#[test]
fn an_answer_earlier_than_its_query_does_not_match() {
    check(
        "0.5 query a7 www / 0.499999999 response a7 www",
        "0.5 a7 www -> timeout / = timed out 1, unclaimed 1",
    );
}

#[test]
fn the_earliest_of_the_answers_that_wait_is_claimed() {
    check(
        "0.5 response a7 www 5 / 0.4 response a7 www 4 / 0.4 response a7 www 3 / 0.3 query a7 www",
        "0.3 a7 www -> 0.4 Not Implemented / = matched 1, unclaimed 2",
    );
}

#[test]
fn an_answer_waits_for_its_query_until_the_clock_is_past_r() {
    check("1 response a7 www / 2 arp / 1 query a7 www", "1 a7 www -> 1 No Error / = matched 1");
    check(
        "1 response a7 www / 2.000000001 arp / 1 query a7 www",
        "1 a7 www -> timeout / = timed out 1, unclaimed 1",
    );
}

#[test]
fn the_packet_that_moves_the_clock_is_not_yet_judged_by_it() {
    check(
        "1 response a7 www / 0.9 arp / 2.1 query b7 www / 1 query a7 www",
        "2.1 b7 www -> timeout / 1 a7 www -> timeout / = timed out 2, unclaimed 1",
    );
    check(
        "0 query a7 www / 2.3 response b7 mail / 0 response a7 www",
        "0 a7 www -> timeout / = timed out 1, unclaimed 2",
    );
    check(
        "0 query a7 www / 2.3 query a7 www,mail",
        "0 a7 www -> timeout / 2.3 a7 www -> timeout / 2.3 a7 mail -> timeout / = timed out 3",
    );
}

#[test]
fn a_query_waits_for_a_late_packet_until_the_clock_is_past_t_and_r() {
    check("0 query a7 www / 2.2 arp / 1.2 response a7 www", "0 a7 www -> 1.2 No Error / = matched 1");
    check(
        "0 query a7 www / 2.200000001 arp / 1.2 response a7 www",
        "0 a7 www -> timeout / = timed out 1, unclaimed 1",
    );
}

#[test]
fn a_retry_does_not_lengthen_the_life_of_a_query() {
    check(
        "0 query a7 www / 1 query a7 www / 2.3 arp / 1.1 response a7 www",
        "0 a7 www -> timeout / = timed out 1, retries 1, unclaimed 1",
    );
}

#[test]
fn a_late_query_still_gets_its_full_window() {
    check("5 arp / 0 query a7 www / 7.2 arp / 1 response a7 www", "0 a7 www -> 1 No Error / = matched 1");
    check(
        "5 arp / 0 query a7 www / 7.200000001 arp / 1 response a7 www",
        "0 a7 www -> timeout / = timed out 1, unclaimed 1",
    );
}

#[test]
fn names_match_in_any_case_and_the_row_has_that_of_the_query() {
    check("0 query a7 wWw / 0.1 response a7 WwW", "0 a7 wWw -> 0.1 No Error / = matched 1");
    check(
        "0 query a7 wWw / 0.1 query a7 WWW / 0.2 response a7 www",
        "0 a7 wWw -> 0.2 No Error / = matched 1, retries 1",
    );
}

#[test]
fn whoever_differs_in_anything_is_another() {
    let others = "b7 www, c7 www, d7 www, e7 www, a8 www, a7@2 www, a7 mail, a7 ., a7 www/28, a7 www/1/3";
    for other in others.split(", ") {
        check(
            &format!("0 query a7 www / 0.1 response {other}"),
            "0 a7 www -> timeout / = timed out 1, unclaimed 1",
        );
    }
}

#[test]
fn the_qr_bit_tells_the_direction_even_between_two_resolvers() {
    check(
        "0 query e7 www / 0 query f7@4 www / 0.1 response e7 www / 0.2 response f7@4 www 3",
        "0 e7 www -> 0.1 No Error / 0 f7@4 www -> 0.2 Non-Existent Domain / = matched 2",
    );
    check("0 query e7 www / 0.1 response f7@4 www", "0 e7 www -> timeout / = timed out 1, unclaimed 1");
}

#[test]
fn rows_stand_in_the_order_of_the_capture() {
    check(
        "1 query a7 www / 0.5 query b7 www / 0.7 query c7 www / 1 response b7 www / 1.1 response a7 www",
        "1 a7 www -> 1.1 No Error / 0.5 b7 www -> 1 No Error / 0.7 c7 www -> timeout
         = matched 2, timed out 1",
    );
}

#[test]
fn an_answer_without_question_answers_the_oldest_query_of_its_tuple() {
    check(
        "0.2 query a7 www / 0.1 query a7 mail / 0 query a8 www / 0.3 response a7 - 1",
        "0.2 a7 www -> timeout / 0.1 a7 mail -> 0.3 Form Error / 0 a8 www -> timeout
         = matched 1, timed out 2",
    );
    check(
        "0.1 query a7 www / 0.1 query a7 mail / 0.3 response a7 - 1",
        "0.1 a7 www -> 0.3 Form Error / 0.1 a7 mail -> timeout / = matched 1, timed out 1",
    );
}

#[test]
fn a_retry_makes_a_query_older() {
    check(
        "0.2 query a7 www / 0.1 query a7 mail / 0 query a7 www / 0.3 response a7 - 1",
        "0 a7 www -> 0.3 Form Error / 0.1 a7 mail -> timeout / = matched 1, timed out 1, retries 1",
    );
}

#[test]
fn an_answer_without_question_passes_over_queries_that_it_does_not_fit() {
    check(
        "0 query a7 www / 1 query a7 mail / 1.3 response a7 -",
        "0 a7 www -> timeout / 1 a7 mail -> 1.3 No Error / = matched 1, timed out 1",
    );
    check(
        "0.9 query a7 www / 0.5 query a7 mail / 0.7 response a7 -",
        "0.9 a7 www -> timeout / 0.5 a7 mail -> 0.7 No Error / = matched 1, timed out 1",
    );
}

#[test]
fn an_answer_without_question_waits_for_any_query_of_its_tuple() {
    check(
        "0.5 response a7 - 3 / 0.5 response a7 www / 0.4 query a8 www / 0.4 query a7 www / 0.4 query a7 mail",
        "0.4 a8 www -> timeout / 0.4 a7 www -> 0.5 Non-Existent Domain / 0.4 a7 mail -> timeout
         = matched 1, timed out 2, unclaimed 1",
    );
    check("0.5 response a7 - 3 / 0.4 query a7 mail", "0.4 a7 mail -> 0.5 Non-Existent Domain / = matched 1");
}

#[test]
fn a_message_of_several_questions_is_an_event_for_each() {
    check(
        "0 query a7 www,mail,www/28 / 0.1 response a7 mail,www/28,www 3",
        "0 a7 www -> 0.1 Non-Existent Domain / 0 a7 mail -> 0.1 Non-Existent Domain
         0 a7 www/28 -> 0.1 Non-Existent Domain / = matched 3",
    );
    check("0 query a7 www,WWW / 0.1 response a7 www", "0 a7 www -> 0.1 No Error / = matched 1, retries 1");
    check("0 query a7 www / 0.1 response a7 www,www", "0 a7 www -> 0.1 No Error / = matched 1, unclaimed 1");
}

#[test]
fn a_query_that_asks_nothing_is_skipped() {
    check("0 query a7 - / 0.1 query a7 www / 0.2 response a7 -", "0.1 a7 www -> 0.2 No Error / = matched 1");
}

#[test]
fn only_so_many_questions_of_a_message_are_read() {
    let most = usize::from(dpp::limits::QUESTIONS_MAX);
    let names: Vec<String> = (0..most + 6).map(|number| format!("n{number}")).collect();
    let packet = Packet::parse(&format!("0 query a7 {}", names.join(",")));
    let run = run(&Capture::of(&[packet], PLAIN).bytes[..], &Plan::default(), &plain());
    let read: Vec<&str> = run.rows.iter().map(|row| row.question.name.as_str()).collect();
    assert_eq!(read, names[..most]);
    assert_eq!(run.outcome.totals.questions_unread, 6);
}

#[test]
fn a_packet_from_2106_costs_nothing_but_its_own_row() {
    let year_2106 = (LAST_NS - EPOCH_NS) / SECOND;
    check(
        &format!(
            "0 query a7 www / 0.1 query b7 www / 0.2 response c7 www / {year_2106} query a8 www
             0.1 query c7 www / 0.3 response a7 www / 0.4 response b7 www"
        ),
        &format!(
            "0 a7 www -> 0.3 No Error / 0.1 b7 www -> 0.4 No Error / {year_2106} a8 www -> timeout
             0.1 c7 www -> 0.2 No Error / = matched 3, timed out 1"
        ),
    );
}

#[test]
fn a_packet_from_1970_costs_nothing_but_its_own_row() {
    check(
        "0 query a7 www / -1700000000 query a8 www / 0.3 response a7 www",
        "0 a7 www -> 0.3 No Error / -1700000000 a8 www -> timeout / = matched 1, timed out 1",
    );
}

#[test]
fn a_wrong_answer_from_2106_is_unclaimed_and_the_right_one_still_matches() {
    check(
        "0 query a7 www / 2594967295 response a7 www / 0.3 response a7 www",
        "0 a7 www -> 0.3 No Error / = matched 1, unclaimed 1",
    );
}

#[test]
fn a_jump_of_the_clock_is_followed_at_once() {
    check(
        "0 query a7 www / 3600 query b7 www / 3600.1 response b7 www / 0.1 response a7 www",
        "0 a7 www -> timeout / 3600 b7 www -> 3600.1 No Error / = matched 1, timed out 1, unclaimed 1",
    );
}

#[test]
fn after_a_jump_back_queries_are_matched_as_ever() {
    check(
        "3600 query a7 www / 0 query b7 www / 0.1 response b7 www / 0 query c7 www
         2.300000001 arp / 1 response c7 www",
        "3600 a7 www -> timeout / 0 b7 www -> 0.1 No Error / 0 c7 www -> timeout
         = matched 1, timed out 2, unclaimed 1",
    );
}

#[test]
fn a_query_from_before_a_jump_back_waits_for_its_own_time_to_come_again() {
    check(
        "100 query a7 www / 0 arp / 0.1 arp / 100.5 response a7 www",
        "100 a7 www -> 100.5 No Error / = matched 1",
    );
}

#[test]
fn a_step_of_exactly_j_is_believed_without_a_witness() {
    check(
        "0 query a7 www / 10 arp / 0.1 response a7 www",
        "0 a7 www -> timeout / = timed out 1, unclaimed 1",
    );
    check(
        "0 query a7 www / 10.000000001 arp / 0 arp / 0.1 response a7 www",
        "0 a7 www -> 0.1 No Error / = matched 1",
    );
}

#[test]
fn a_witness_may_be_j_away_and_need_not_be_dns() {
    check(
        "0 query a7 www / 20 arp / 10 empty / 0.1 response a7 www",
        "0 a7 www -> timeout / = timed out 1, unclaimed 1",
    );
    check(
        "0 query a7 www / 20 arp / 9.999999999 empty / 9.999999999 tcp / 0.1 response b7 www
         0.1 response a7 www",
        "0 a7 www -> timeout / = timed out 1, unclaimed 2",
    );
    check(
        "0 query a7 www / 20 arp / 9.999999999 response a7 - / 0.1 response a7 www",
        "0 a7 www -> timeout / = timed out 1, unclaimed 2",
    );
}

#[test]
fn a_query_whose_two_questions_take_the_clock_back_waits_with_both() {
    check(
        "60 arp / 0 query a7 www,mail / 0 response a7 www,mail",
        "0 a7 www -> 0 No Error / 0 a7 mail -> 0 No Error / = matched 2",
    );
}

#[test]
fn a_response_whose_two_questions_take_the_clock_back_waits_with_both() {
    check(
        "60 arp / 0.1 response a7 www,mail / 0 query a7 www,mail",
        "0 a7 www -> 0.1 No Error / 0 a7 mail -> 0.1 No Error / = matched 2",
    );
}

#[test]
fn the_code_is_that_of_the_header_extended_or_replaced() {
    for (code, text) in [
        ("2", "Server Failure"),
        ("15", "Unknown response code"),
        ("opt 0 1", "EDNS_BADVERS"),
        ("opt 3 0", "Non-Existent Domain"),
        ("opt 7 1", "Bad server cookie"),
        ("tsig 9 16", "TSIG Failure"),
        ("tsig 9 18", "Signature out of time window"),
        ("tsig 9 0", "Not authorized"),
        ("unreadable 5", "Query Refused"),
    ] {
        check(
            &format!("0 query a7 www / 0.1 response a7 www {code}"),
            &format!("0 a7 www -> 0.1 {text} / = matched 1"),
        );
    }
}

#[test]
fn a_tuple_holds_so_many_and_no_more() {
    check_with(
        Limits { per_tuple: 2, ..Limits::default() },
        "0 query a7 www / 0 query a7 mail / 0 query a7 . / 0 query b7 . / 0.1 response a7 .
         0.2 response a7 www / 0.3 response a7 mail",
        "0 a7 www -> 0.2 No Error / 0 a7 mail -> 0.3 No Error / 0 a7 . -> timeout / 0 b7 . -> timeout
         = matched 2, timed out 2, unclaimed 1, tuple overflows 2",
    );
}

#[test]
fn who_need_not_wait_is_welcome_in_a_full_tuple() {
    check_with(
        Limits { per_tuple: 2, ..Limits::default() },
        "0.5 response a7 mail / 0 query a7 www / 0.1 query a7 www / 0.2 query a7 mail / 0.3 response a7 www",
        "0 a7 www -> 0.3 No Error / 0.2 a7 mail -> 0.5 No Error / = matched 2, retries 1",
    );
}

#[test]
fn who_is_forgotten_or_replaced_leaves_room_in_its_tuple() {
    let limits = Limits { per_tuple: 1, ..Limits::default() };
    check_with(
        limits,
        "0 query a7 www / 2.2 query a7 mail / 2.3 query a7 mail",
        "0 a7 www -> timeout / 2.2 a7 mail -> timeout / 2.3 a7 mail -> timeout
         = timed out 3, tuple overflows 2",
    );
    check_with(
        limits,
        "0 query a7 www / 2.200000001 arp / 2.2 query a7 mail / 2.3 response a7 mail",
        "0 a7 www -> timeout / 2.2 a7 mail -> 2.3 No Error / = matched 1, timed out 1",
    );
    check_with(
        limits,
        "0 query a7 www / 1.3 query a7 www / 1.4 response a7 www",
        "0 a7 www -> timeout / 1.3 a7 www -> 1.4 No Error / = matched 1, timed out 1",
    );
}

#[test]
fn what_came_in_the_same_message_fills_its_tuple_too() {
    check_with(
        Limits { per_tuple: 1, ..Limits::default() },
        "0.1 response a7 www,mail / 0 query a7 mail / 0 query a7 www",
        "0 a7 mail -> timeout / 0 a7 www -> 0.1 No Error
         = matched 1, timed out 1, unclaimed 1, tuple overflows 2",
    );
    check_with(
        Limits { per_tuple: 2, jump_ns: SECOND, disorder_ns: SECOND / 100, ..Limits::default() },
        "0 query a7 www / 0 query a7 www,www / -1.2 response a7 www,www / -1.19 query a7 www",
        "-1.19 a7 www -> timeout / = timed out 1, retries 3, unclaimed 2, tuple overflows 1",
    );
}

#[test]
fn the_window_is_enforced_at_every_so_many_packets() {
    let limits = Limits { window_packets: 1, sweep_packets: 3, ..Limits::default() };
    // Position 3 is the first that looks back: at 0 and 1, but 2 is still within the window.
    check_with(
        limits,
        "0 query a7 www / 0 response b7 mail / 0 query c7 www / 0 arp
         0 response a7 www / 0 query b7 mail / 0 response c7 www",
        "0 a7 www -> timeout / 0 c7 www -> timeout / 0 b7 mail -> timeout
         = timed out 3, unclaimed 3, window overflows 4",
    );
    check_with(limits, "0 query a7 www / 0 arp / 0 response a7 www", "0 a7 www -> 0 No Error / = matched 1");
}

#[test]
fn the_window_is_enforced_before_the_packet_is_looked_at() {
    check_with(
        Limits { window_packets: 0, sweep_packets: 1, ..Limits::default() },
        "0 query a7 www,mail / 0 response a7 www",
        "0 a7 www -> timeout / 0 a7 mail -> timeout / = timed out 2, unclaimed 1, window overflows 2",
    );
}

#[test]
fn what_the_clock_forgets_did_not_leave_the_window() {
    check_with(
        Limits { window_packets: 0, sweep_packets: 1, ..Limits::default() },
        "0 query a7 www,mail / 2.3 arp / 2.3 arp",
        "0 a7 www -> timeout / 0 a7 mail -> timeout / = timed out 2, window overflows 2",
    );
    check_with(
        Limits { window_packets: 0, sweep_packets: 2, ..Limits::default() },
        "0 query a7 www,mail / 2.3 arp / 2.3 arp",
        "0 a7 www -> timeout / 0 a7 mail -> timeout / = timed out 2",
    );
}

#[test]
fn the_window_is_not_enforced_where_the_clock_goes_back() {
    check_with(
        Limits { window_packets: 0, sweep_packets: 1000, ..Limits::default() },
        "60 query a7 www / 0 arp / 0 arp / 60 response a7 www",
        "60 a7 www -> 60 No Error / = matched 1",
    );
}

#[test]
fn the_window_of_streams_is_enforced_at_every_so_many_bytes_of_segments() {
    // A message of this question takes 23 bytes in its stream. At the third, the first begins the window.
    let limits = Limits { window_stream_bytes: 46, sweep_stream_bytes: 23, ..Limits::default() };
    let first = "0 query a7 www / 0 query A7 www / 0 query B7 www";
    check_with(
        limits,
        &format!("{first} / 0 query C7 www / 0 response a7 www / 0 response A7 www"),
        "0 a7 www -> timeout / 0 A7 www -> 0 No Error / 0 B7 www -> timeout / 0 C7 www -> timeout
         = matched 1, timed out 3, unclaimed 1, window overflows 1",
    );
    check_with(
        limits,
        &format!("{first} / 0 query c7 www / 0 response a7 www"),
        "0 a7 www -> 0 No Error / 0 A7 www -> timeout / 0 B7 www -> timeout / 0 c7 www -> timeout
         = matched 1, timed out 3",
    );
    check_with(
        Limits { sweep_stream_bytes: 24, ..limits },
        &format!("{first} / 0 query C7 www / 0 query C8 www / 0 response A7 www"),
        "0 a7 www -> timeout / 0 A7 www -> timeout / 0 B7 www -> timeout / 0 C7 www -> timeout / 0 C8 www -> timeout
         = timed out 5, unclaimed 1, window overflows 4",
    );
}

#[test]
fn the_window_of_streams_is_enforced_behind_the_packet_that_fills_it() {
    let limits = Limits { window_stream_bytes: 0, sweep_stream_bytes: 1, ..Limits::default() };
    check_with(
        limits,
        "0 query a7 www / 0 query A7 www / 0 response a7 www / 0 response A7 www",
        "0 a7 www -> timeout / 0 A7 www -> 0 No Error
         = matched 1, timed out 1, unclaimed 1, window overflows 2",
    );
    check_with(
        limits,
        "0 query a7 www / 2.3 query A7 www",
        "0 a7 www -> timeout / 2.3 A7 www -> timeout / = timed out 2",
    );
}

#[test]
fn a_message_counts_at_the_last_of_its_fragments_to_come() {
    check(
        "0 fragment 2/2 #9 query a7 www / 1 query b7 www / 1.1 response a7 www / 1 fragment 1/2 #9 query a7 www",
        "1 b7 www -> timeout / 1 a7 www -> 1.1 No Error / = matched 1, timed out 1",
    );
    check(
        "0 query a7 www / 0.1 fragment 1/2 #9 response a7 www / 0.1 arp",
        "0 a7 www -> timeout / = timed out 1",
    );
}

#[test]
fn of_two_answers_of_one_time_the_first_captured_is_claimed_however_it_came() {
    check(
        "0.5 fragment 1/2 #9 response a7 www 3 / 0.5 fragment 2/2 #9 response a7 www 3
         0.5 response a7 www 5 / 0.4 query a7 www",
        "0.4 a7 www -> 0.5 Non-Existent Domain / = matched 1, unclaimed 1",
    );
    check(
        "0 fragment 1/2 #9 query a7 mail / 0 fragment 2/2 #9 query a7 mail / 0 query a7 www / 0.1 response a7 -",
        "0 a7 mail -> 0.1 No Error / 0 a7 www -> timeout / = matched 1, timed out 1",
    );
}

#[test]
fn fragments_that_are_not_whole_in_time_are_given_up() {
    let fragments = FragmentLimits { v4_timeout_ns: SECOND, ..FragmentLimits::default() };
    let limits = Limits { fragments, ..Limits::default() };
    let check = |time: &str, expected: &str| {
        let packets = format!("0 fragment 1/2 #9 query a7 www / {time} fragment 2/2 #9 query a7 www");
        let packets: Vec<Packet> = lines(&packets).map(Packet::parse).collect();
        let plan = Plan { limits, ..Plan::default() };
        for machine in [plain(), machine(3, 1, 1, 2)] {
            let run = run(&Capture::of(&packets, PLAIN).bytes[..], &plan, &machine);
            let skips = SKIPS.iter().map(|row| (row.1, run.outcome.totals.skips.of(row.0).packets));
            let skips = skips.filter(|skip| skip.1 > 0);
            let skips = skips.map(|(name, packets)| format!("{name} {packets}")).collect::<Vec<_>>();
            assert_eq!(format!("{} rows, {}", run.rows.len(), skips.join(", ")), expected);
        }
    };
    check("1", "1 rows, ");
    check("1.000000001", "0 rows, fragment_timeout 1, fragment_incomplete 1");
}

#[test]
fn tcp_and_udp_are_two_tuples() {
    check(
        "0 query a7 www / 0.1 query A7 www / 0.2 response A7 www 3 / 0.3 response a7 www",
        "0 a7 www -> 0.3 No Error / 0.1 A7 www -> 0.2 Non-Existent Domain / = matched 2",
    );
}

#[test]
fn answers_over_tcp_may_come_in_any_order() {
    check(
        "0 query A7 www / 0 query A8 www / 0.1 response A8 www / 0.2 response A7 www",
        "0 A7 www -> 0.2 No Error / 0 A8 www -> 0.1 No Error / = matched 2",
    );
}

#[test]
fn a_zone_transfer_is_one_row_however_many_messages_answer_it() {
    check(
        "0 query A7 zone/252 / 0.1 response A7 zone/252 / 0.2 response A7 - / 1.3 response A7 zone/252",
        "0 A7 zone/252 -> 0.1 No Error / = matched 1, continuations 2",
    );
    check(
        "0 query a7 zone/252 / 0.1 response a7 zone/252 / 0.2 response a7 zone/252",
        "0 a7 zone/252 -> 0.1 No Error / = matched 1, unclaimed 1",
    );
}

#[test]
fn each_message_of_a_transfer_lengthens_its_life() {
    let first = "0 query A7 zone/252 / 0.1 response A7 zone/252 / 2.2 response A7 zone/252";
    check(
        &format!("{first} / 4.4 arp / 4.4 response A7 zone/252"),
        "0 A7 zone/252 -> 0.1 No Error / = matched 1, continuations 2",
    );
    check(
        &format!("{first} / 4.400000001 arp / 4.4 response A7 zone/252"),
        "0 A7 zone/252 -> 0.1 No Error / = matched 1, unclaimed 1, continuations 1",
    );
}

#[test]
fn a_transfer_goes_on_though_its_first_message_was_captured_before_the_query() {
    check(
        "0.1 response A7 zone/252 / 0 query A7 zone/252 / 0.2 response A7 zone/252",
        "0 A7 zone/252 -> 0.1 No Error / = matched 1, continuations 1",
    );
}

#[test]
fn a_transfer_asked_for_again_is_a_new_row() {
    check(
        "0 query A7 zone/252 / 0.1 response A7 zone/252 / 0.2 query A7 zone/252 / 0.3 response A7 zone/252",
        "0 A7 zone/252 -> 0.1 No Error / 0.2 A7 zone/252 -> 0.3 No Error / = matched 2",
    );
}

#[test]
fn a_message_without_question_goes_on_with_the_oldest_transfer_of_its_tuple() {
    let plan = Plan { schema: Schema::of([Column::ResponseMessages]), ..Plan::default() };
    check_by(
        &plan,
        "0 query A7 a/252 / 0 query A7 b/252 / 0.1 response A7 a/252 / 0.1 response A7 b/252 / 0.2 response A7 -",
        "0 A7 a/252 -> 0.1 No Error Facts { messages: 2, error: None, tagged: false }
         0 A7 b/252 -> 0.1 No Error Facts { messages: 1, error: None, tagged: false }
         = matched 2, continuations 1",
    );
}

#[test]
fn a_message_captured_twice_within_the_window_counts_once() {
    let plan = Plan { duplicates_ns: Some(1_000_000), ..Plan::default() };
    check_by(
        &plan,
        "0 query a7 www / 0.001 query a7 www / 0.1 response a7 www / 0.1 response a7 www",
        "0 a7 www -> 0.1 No Error / = matched 1, duplicate queries 1, duplicate responses 1",
    );
    check_by(
        &plan,
        "0.001 query a7 www / 0 query a7 www",
        "0.001 a7 www -> timeout / = timed out 1, duplicate queries 1",
    );
    check_by(
        &plan,
        "0 query a7 www / 0.001000001 query a7 www",
        "0 a7 www -> timeout / = timed out 1, retries 1",
    );
    check_by(&plan, "0 query a7 www / 0 #1 query a7 www", "0 a7 www -> timeout / = timed out 1, retries 1");
    check_by(
        &plan,
        "0 query a7 www / 0.0006 query a7 www / 0.0012 query a7 www",
        "0 a7 www -> timeout / = timed out 1, retries 1, duplicate queries 1",
    );
    check_by(
        &plan,
        "0 query a7 www / 0 tagged query a7 www / 0 tunnelled query a7 www",
        "0 a7 www -> timeout / = timed out 1, duplicate queries 2",
    );
    check_by(
        &plan,
        "0 fragment 1/2 #8 query a7 www / 0 fragment 2/2 #8 query a7 www
         0 fragment 1/2 #9 query a7 www / 0 fragment 2/2 #9 query a7 www",
        "0 a7 www -> timeout / = timed out 1, retries 1",
    );
}

#[test]
fn multicast_dns_is_unpaired_unless_one_of_them_is_on_another_port() {
    let plan = Plan { ports: Ports::new(vec![53..=53, 5353..=5353]), ..Plan::default() };
    check_by(
        &plan,
        "0 query m0@5 www / 0.1 response m0@5 www / 0.2 response m0@7 www",
        "0 m0@5 www -> timeout / = unpaired queries 1, unpaired responses 2",
    );
    check_by(&plan, "0 query a0@5 www / 0.1 response a0@7 www", "0 a0@93 www -> 0.1 No Error / = matched 1");
    check_by(&plan, "0 query a0@6 www / 0.1 response a0@8 www", "=");
    check_by(
        &plan,
        "0 query m0@5 www/1/32769 / 0.1 query a0@5 www/1/32769 / 0.2 response a0@7 www / 0.3 query a1 www/1/32769",
        "0 m0@5 www -> timeout / 0.1 a0@93 www -> 0.2 No Error / 0.3 a1 www/1/32769 -> timeout
         = matched 1, timed out 1, unpaired queries 1",
    );
    let with_duplicates = Plan { duplicates_ns: Some(0), ..plan.clone() };
    check_by(
        &with_duplicates,
        "0 query m0@5 www / 0 query m0@5 www / 0.1 response m0@5 www / 0.1 response m0@5 www",
        "0 m0@5 www -> timeout
         = unpaired queries 1, unpaired responses 1, duplicate queries 1, duplicate responses 1",
    );
}

#[test]
fn link_local_multicast_is_answered_by_any_server() {
    let plan = Plan { ports: Ports::new(vec![5355..=5355]), ..Plan::default() };
    check_by(
        &plan,
        "0 query a7@6 www / 0.1 response a7@8 www / 0.1 response a8@8 www",
        "0 a7@95 www -> 0.1 No Error / = matched 1, unclaimed 1",
    );
    check_by(&plan, "0 query m7@5 www / 0.1 query e7@3 www", "=");
}

#[test]
fn a_query_that_cannot_be_read_is_a_row_if_a_column_says_why() {
    let plan = Plan { schema: Schema::of([Column::ParseError]), ..Plan::default() };
    let queries = "0 name-cut query a7 www / 0 type-cut query b7 www/28 / 0 class-cut query B7 www/28 / \
                   0 class-half query C7 www/28 / 0 bad-label query c7 www / 0 query d7 -";
    check(queries, "=");
    let facts = |error: &str| format!("timeout Facts {{ messages: 0, error: {error}, tagged: false }}");
    let [cut, label] = ["question_cut", "question_label"].map(|error| facts(&format!("Some({error:?})")));
    check_by(
        &plan,
        queries,
        &format!(
            "0 a7 www/?/? -> {cut} / 0 b7 www/?/? -> {cut} / 0 B7 www/28/? -> {cut} / 0 C7 www/28/? -> {cut} / \
             0 c7 www/?/? -> {label} / 0 d7 -/?/? -> {}
             = timed out 6",
            facts("None")
        ),
    );
}

#[test]
fn a_response_that_cannot_be_read_answers_the_oldest_query_of_its_tuple() {
    check(
        "0.2 query a7 www / 0.1 query a7 mail / 0.3 name-cut response a7 www 2",
        "0.2 a7 www -> timeout / 0.1 a7 mail -> 0.3 Server Failure / = matched 1, timed out 1",
    );
}

#[test]
fn times_at_the_ends_of_the_number_line_are_times() {
    let at = |time_ns: i64| move |line: &str| Packet { time_ns, content: Packet::parse(line).content };
    let lines =
        ["0 query a7 www", "0 response a7 www", "0 response a8 www", "0 query a8 www", "0 query a7 mail"];
    let [first, now, last] = [FIRST_NS, EPOCH_NS, i64::MAX].map(|time_ns| lines.map(at(time_ns)).to_vec());
    let orders = [[&first, &last, &now], [&last, &first, &last], [&now, &last, &first], [&last, &now, &now]];
    for order in orders {
        let packets: Vec<Packet> = order.into_iter().flatten().cloned().collect();
        for variety in 0..20 {
            hold(&packets, &Plan::default(), Encoding::Pcapng { variety });
        }
    }
}

/// `model.txt` holds random captures and the rows that another author's model of the rules, in another language, made of
/// them: a line of packets, a line of rows, an empty line.
#[test]
fn the_oracle_and_the_engine_agree_with_the_model_of_the_rules() {
    for case in include_str!("model.txt").split("\n\n") {
        let (packets, expected) = case.split_once('\n').expect("packets and rows");
        let packets: Vec<Packet> = lines(packets).map(Packet::parse).collect();
        let rows: Vec<String> = meaning(&packets, &Plan::default()).rows.iter().map(Row::to_string).collect();
        assert_eq!(rows, lines(expected.trim_end()).collect::<Vec<_>>(), "the oracle, of {packets:#?}");
        hold(&packets, &Plan::default(), PLAIN);
    }
}

/// Checks the case with the usual limits.
fn check(packets: &str, expected: &str) {
    check_with(Limits::default(), packets, expected);
}

/// Checks that the oracle and the engine make `expected` of `packets`. A slash is as good as a new line, if there are
/// spaces around it.
fn check_with(limits: Limits, packets: &str, expected: &str) {
    check_by(&Plan { limits, ..Plan::default() }, packets, expected);
}

/// The same by a plan of which more is asked. Messages over TCP become segments.
fn check_by(plan: &Plan, packets: &str, expected: &str) {
    let packets = lines(packets).map(Packet::parse).enumerate();
    let drafts = packets.map(|(place, packet)| Draft { place, packet, way: Way::PLAIN });
    let packets = carry(drafts.collect());
    let meaning = meaning(&packets, plan);
    let expected = lines(expected).collect::<Vec<_>>().join("\n");
    assert_eq!(text(&meaning.rows, &meaning.matches), expected, "the oracle, of {packets:#?}");
    hold(&packets, plan, PLAIN);
}

/// Checks that the engine makes of `packets` what the oracle does.
fn hold(packets: &[Packet], plan: &Plan, encoding: Encoding) {
    let capture = Capture::of(packets, encoding);
    let meaning = meaning(packets, plan);
    for machine in [plain(), machine(1, 1, 1, 1), machine(3, 2, 100, 2), machine(8, 1, 1, 3)] {
        let run = run(&capture.bytes[..], plan, &machine);
        let told = text(&run.rows, &run.outcome.totals.matches);
        assert_eq!(told, text(&meaning.rows, &meaning.matches), "{machine:?} of {packets:#?}");
    }
}

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.split('\n').flat_map(|line| line.split(" / ")).map(str::trim)
}

/// The rows and the counts that are not zero.
fn text(rows: &[Row], matches: &Matches) -> String {
    let counts = [
        ("matched", matches.matched),
        ("timed out", matches.timed_out),
        ("retries", matches.retries),
        ("unclaimed", matches.unclaimed_responses),
        ("continuations", matches.continuations),
        ("unpaired queries", matches.unpaired_queries),
        ("unpaired responses", matches.unpaired_responses),
        ("duplicate queries", matches.duplicate_queries),
        ("duplicate responses", matches.duplicate_responses),
        ("tuple overflows", matches.tuple_overflows),
        ("window overflows", matches.window_overflows),
    ];
    let counts = counts.iter().filter(|count| count.1 > 0).map(|(name, count)| format!("{name} {count}"));
    let rows: String = rows.iter().map(|row| format!("{row}\n")).collect();
    format!("{rows}= {}", counts.collect::<Vec<_>>().join(", ")).trim_end().to_string()
}
