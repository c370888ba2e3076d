package queuptest_test

import (
	"encoding/json"
	"testing"

	"github.com/queup-go/queup/queuptest"
)

func TestOddLists(t *testing.T) {
	s := newStage(t, queuptest.OddLists())
	got := s.do("alice", "GET /room/{lounge}/users", "")
	var answer struct{ Data []json.RawMessage }
	if err := json.Unmarshal([]byte(got.Body), &answer); err != nil {
		t.Fatal(err)
	}
	kinds := map[byte]int{}
	for _, entry := range answer.Data {
		kinds[entry[0]]++
	}
	if people := len(s.room.Members()); kinds['{'] < people || kinds['n'] != 1 || kinds['0'] != 1 || kinds['"'] != 1 || kinds['['] == 0 {
		t.Errorf("%d people, and the list has %v by first byte", people, kinds)
	}
}
