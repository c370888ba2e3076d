package queuptest

import (
	"testing"
	"time"
)

// What a crowd leaves behind has an end. 30,000 deeds are three days of 40 people.
func TestCrowd_leavesLittleBehind(t *testing.T) {
	t.Parallel()
	s := fuzzState(t)
	const people = 40
	c, err := s.newCrowd(CrowdConfig{Members: people, Rate: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer s.shutdown()
	defer func() { s.crowd = nil }() // it never began
	r := s.rooms[0]
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.start
	r.advance(now, false)
	size := func() map[string]int {
		n := map[string]int{
			"songs": len(s.songs), "accounts": len(s.accounts), "members": len(r.members), "follows": len(s.site.follows),
			"conversations": len(s.site.conversations), "messages": len(r.messages), "recent": len(r.recent), "history": len(r.history),
			"audit": len(r.audit), "rotation": len(r.rotation),
		}
		for _, m := range r.members {
			n["queued"] += len(m.queue)
			n["said"] = max(n["said"], len(m.said))
		}
		for _, lists := range s.site.playlists {
			for _, p := range lists {
				n["playlists"]++
				n["entries"] += len(p.entries)
			}
		}
		for _, c := range s.site.conversations {
			n["letters"] += len(c.messages)
		}
		for _, comments := range s.site.comments {
			n["comments"] = max(n["comments"], len(comments))
		}
		for _, p := range r.history {
			n["old votes"] += len(p.votes) + len(p.grabs) + len(p.requests)
		}
		return n
	}
	for i := range 30_000 {
		now = now.Add(8 * time.Second)
		c.step(now)
		if i%30 == 0 {
			r.advance(now, false)
		}
	}
	most := map[string]int{
		"songs": 512 + 50, "accounts": 6 + people, "members": 6 + people, "follows": people, "conversations": people, "messages": maxMessages,
		"recent": maxRecent, "history": maxHistory, "audit": maxAudit, "rotation": 6 + people, "queued": 4 + 3*people, "said": 101,
		"playlists": people, "entries": people * maxGrabbed, "letters": people * crowdLetters, "comments": crowdComments, "old votes": 0,
	}
	got := size()
	for what, limit := range most {
		if got[what] > limit {
			t.Errorf("%d %s, at most %d", got[what], what, limit)
		}
	}
	for _, what := range []string{"messages", "history", "entries", "letters", "comments", "follows"} {
		if got[what] == 0 {
			t.Errorf("nobody left any %s: %v", what, got)
		}
	}
}
