package queuptest_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/url"

	"github.com/queup-go/queup/queuptest"
)

// A program logs in, joins the lounge and says something; a test looks at what came of it. Any HTTP client will do.
func Example_withoutTheClient() {
	srv := queuptest.NewServer()
	defer srv.Close()
	lounge := srv.Room("lounge")

	jar, _ := cookiejar.New(nil) // its error is always nil
	program := &http.Client{Jar: jar}
	defer program.CloseIdleConnections()
	call := func(path string, form url.Values) {
		resp, err := program.PostForm(srv.URL()+path, form) //nolint:noctx // an example
		if err != nil {
			panic(err)
		}
		_ = resp.Body.Close()
		fmt.Println(resp.Status)
	}
	call("/auth/login", url.Values{"username": {"bot"}, "password": {"wrong"}})
	call("/auth/login", url.Values{"username": {"bot"}, "password": {"secret"}})
	call("/room/"+lounge.ID()+"/users", nil)
	lounge.Say("alice", "hello & welcome")
	call("/chat/"+lounge.ID(), url.Values{"message": {"hi alice"}})

	fmt.Println(lounge.Members())
	for _, m := range lounge.Messages() {
		fmt.Println(m.User+":", m.Text)
	}
	// Output:
	// 400 Bad Request
	// 200 OK
	// 200 OK
	// 200 OK
	// [alice bob bot carol mod owner]
	// alice: hello & welcome
	// bot: hi alice
}

// Await finds what a program did, without a sleep. The password it sent is masked.
func ExampleServer_Await() {
	srv := queuptest.NewServer()
	defer srv.Close()

	go func() {
		program := &http.Client{}
		defer program.CloseIdleConnections()
		form := url.Values{"username": {"bot"}, "password": {"secret"}}
		resp, err := program.PostForm(srv.URL()+"/auth/login", form) //nolint:noctx // an example
		if err == nil {
			_ = resp.Body.Close()
		}
	}()

	e, err := srv.Await(context.Background(), func(e queuptest.Entry) bool { return e.In && e.Path == "/auth/login" })
	fmt.Println(e.Method, e.Path, e.Body, err)
	// Output: POST /auth/login password=***&username=bot <nil>
}
