package main

import (
	"fmt"
	"math"
)

// A Mark is a bound that package client is to keep, as a ratio within one run unless it says otherwise.
type Mark struct {
	What    string  `json:"what"`
	Value   float64 `json:"value"`
	Limit   float64 `json:"limit"`
	AtLeast bool    `json:"atLeast,omitzero"` // the limit is a lower one
	Met     bool    `json:"met"`
}

func newMark(what string, value, limit float64, atLeast bool) Mark {
	m := Mark{What: what, Value: math.Round(value*1000) / 1000, Limit: limit, AtLeast: atLeast}
	m.Met = value <= limit
	if atLeast {
		m.Met = value >= limit
	}
	return m
}

// p99Slack is what the subject may take longer than 1.5 times the floor, in microseconds.
const p99Slack = 100

// loadMarks are the marks of the rounds: the medians of what was the ratio in each.
func loadMarks(rounds []Round) []Mark {
	ratio := func(of func(r Round) float64) float64 {
		var values []float64
		for _, round := range rounds {
			values = append(values, of(round))
		}
		return median(values)
	}
	var marks []Mark
	most := func(what string, limit float64, of func(r Round) float64) {
		marks = append(marks, newMark(what, ratio(of), limit, false))
	}
	if _, ok := rounds[0]["dubapi"]; ok {
		marks = append(marks, newMark("events/s, times npm dubapi's", ratio(func(r Round) float64 {
			return r["queup"].EventsPerSecond / r["dubapi"].EventsPerSecond
		}), 5, true))
	}
	most("CPU an event, of encoding/json's", 1.0/3, func(r Round) float64 { return r["queup"].CPU / r["encoding/json"].CPU })
	most("allocations an event (absolute)", 12, func(r Round) float64 { return r["queup"].Allocations })
	most("p99, of 1.5 times reading's + 0.1 ms", 1, func(r Round) float64 { return r["queup"].P99 / (1.5*r["read"].P99 + p99Slack) })
	most("time to ready, of that by hand", 1.5, func(r Round) float64 { return r["queup"].Ready / r["by hand"].Ready })
	most("peak RSS in MiB (absolute)", 32, func(r Round) float64 { return r["queup"].PeakRSS })
	most("calls of REST: time, of net/http + encoding/json's", 1.3, func(r Round) float64 { return r["queup"].Calls / r["encoding/json"].Calls })
	most("calls of REST: CPU, of net/http + encoding/json's", 1.3, func(r Round) float64 { return r["queup"].CallsCPU / r["encoding/json"].CallsCPU })
	return marks
}

func marksTable(marks []Mark) string {
	rows := [][]string{{"mark", "is", "limit", ""}}
	for _, m := range marks {
		sign, met := "<=", "met"
		if m.AtLeast {
			sign = ">="
		}
		if !m.Met {
			met = "NOT MET"
		}
		rows = append(rows, []string{m.What, fmt.Sprintf("%.3g", m.Value), fmt.Sprintf("%s %.3g", sign, m.Limit), met})
	}
	return table(rows)
}
