package main

import (
	"context"
	"fmt"
)

// crowds are how many people are in the rooms of the curve that says what an event costs in larger ones.
var crowds = []int{50, 150, 500, 1500, 5000}

// crowdEvents is the length of their floods: in the largest room, each person has a dozen events in one.
const crowdEvents = 60_000

// hall is a stage with what is played there, and what an event of it has cost, once a round.
type hall struct {
	*stage
	show             show
	cpu, allocations []float64
}

// crowd has the program under test hear the usual mix in larger and larger rooms, in a process of its own as everywhere else here, so
// that an event costs what it does in the table. The flood is its own warm-up: everybody has been heard before what counts.
func crowd(ctx context.Context, subject contestant, people []int, events, rounds int, progress func(string)) ([]Series, error) {
	var halls []*hall
	defer func() {
		for _, h := range halls {
			h.srv.Close()
		}
	}()
	for _, n := range people {
		s, err := newStage(n)
		if err != nil {
			return nil, err
		}
		flood := s.prepare(events)
		halls = append(halls, &hall{stage: s, show: show{warm: flood, flood: flood}})
	}
	for round := range rounds { // with all sizes in each, so that a machine that is busy for a while is busy for many of them
		progress(fmt.Sprintf("round %d of %d: %s among %d people", round+1, rounds, subject.name, people))
		for _, h := range rotate(halls, round) {
			r, _, err := h.perform(ctx, subject, h.show)
			if err != nil {
				return nil, fmt.Errorf("among %d people: %w", h.people, err)
			}
			h.cpu = append(h.cpu, float64(r.CPU)/float64(r.Done))
			h.allocations = append(h.allocations, float64(r.Mallocs)/float64(r.Done))
		}
	}
	cpu, allocations := Series{Benchmark: "Crowd", Unit: "cpu-ns/event"}, Series{Benchmark: "Crowd", Unit: "allocs/event"}
	for _, h := range halls {
		cpu.Points = append(cpu.Points, Point{float64(h.people), median(h.cpu)})
		allocations.Points = append(allocations.Points, Point{float64(h.people), median(h.allocations)})
	}
	return []Series{cpu, allocations}, nil
}
