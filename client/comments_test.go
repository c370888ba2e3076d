package client_test

import (
	"net/http"
	"testing"
)

func TestComments(t *testing.T) {
	var sent []string
	bot := newClient(t, func(req *http.Request) answer {
		if a, found := account(req); found {
			return a
		}
		sent = append(sent, written(t, req))
		switch req.Method + " " + req.URL.Path {
		case "GET /song/65e5d4f3071bec0015de0001/comments":
			return ok(`[{"_id":"c1","comment":"nice","userid":"65b2a1c0d4e8b90012ab0001","created":1496420594815,"updubs":2,"downdubs":1,"spamFlag":true,"new":1},null,{"_id":"c2","deleted":true}]`)
		case "POST /comments/c1/dubs":
			return ok(`{"comment":{"_id":"c1","comment":"nice","userid":"65b2a1c0d4e8b90012ab0001","updubs":3,"downdubs":1}}`)
		}
		return ok(`{}`)
	})
	login(t, bot)
	comments, err := bot.Comments(t.Context(), nightRide)
	if err != nil || len(comments) != 2 {
		t.Fatalf("comments %+v, %v", comments, err)
	}
	c := comments[0]
	if c.ID != "c1" || c.SongID != nightRide || c.AuthorID != me || c.Content != "nice" || c.CreatedAt.UnixMilli() != 1496420594815 || c.Updubs != 2 || c.Downdubs != 1 || !c.Flagged || c.Deleted || len(c.Extra()) != 1 {
		t.Errorf("comment %+v", c)
	}
	if !comments[1].Deleted {
		t.Errorf("comment %+v", comments[1])
	}
	if author, known := c.Author(); !known || author.Username != "mixmaster" {
		t.Errorf("author %v", author)
	}
	if text := c.String(); text != "mixmaster: nice" {
		t.Errorf("prints %q", text)
	}
	sent = nil
	voted, err := c.Vote(t.Context(), true)
	if err != nil || voted.Updubs != 3 || voted.SongID != nightRide || voted.ID != "c1" {
		t.Errorf("voted %+v, %v", voted, err)
	}
	if err := voted.Flag(t.Context()); err != nil {
		t.Error(err)
	}
	if err := voted.Delete(t.Context()); err != nil {
		t.Error(err)
	}
	added, err := bot.AddComment(t.Context(), nightRide, "slow")
	if err != nil || added.Content != "slow" || added.AuthorID != me || added.SongID != nightRide { // QueUp's answer is silent about all
		t.Errorf("added %+v, %v", added, err)
	}
	expect(t, "sent", sent, []string{
		"POST /comments/c1/dubs form type=updub",
		"POST /comments/c1/flag",
		"DELETE /song/65e5d4f3071bec0015de0001/comments/c1",
		`POST /song/65e5d4f3071bec0015de0001/comments json {"comment":"slow"}`,
	})
}
