package client_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/queup-go/queup/internal/testkit/source"
)

// promises is how many docs/BEHAVIOUR.md makes.
const promises = 21

// promise is a section of docs/BEHAVIOUR.md: its number, and its points by their names.
type promise struct {
	number   int
	sentence string
	points   map[string]string
}

var (
	promiseHead  = regexp.MustCompile(`(?m)^### Q(\d+)\. \S.*$`)
	promisePoint = regexp.MustCompile(`(?m)^- \*\*(\w+):\*\* `)
	promiseTest  = regexp.MustCompile("^`(TestQ(\\d\\d)_\\w+)` in `([\\w/]+_test\\.go)`$")
	figure       = regexp.MustCompile(`\d`)
)

// readPromises takes the page apart.
func readPromises(t *testing.T, page string) []promise {
	t.Helper()
	var list []promise
	heads := promiseHead.FindAllStringSubmatchIndex(page, -1)
	for i, head := range heads {
		end := len(page)
		if i+1 < len(heads) {
			end = heads[i+1][0]
		}
		text, _, _ := strings.Cut(page[head[1]:end], "\n## ")
		p := promise{points: make(map[string]string)}
		if _, err := fmt.Sscan(page[head[2]:head[3]], &p.number); err != nil {
			t.Fatal(err)
		}
		points := promisePoint.FindAllStringSubmatchIndex(text, -1)
		p.sentence = strings.TrimSpace(text)
		for j, at := range points {
			if j == 0 {
				p.sentence = strings.TrimSpace(text[:at[0]])
			}
			stop := len(text)
			if j+1 < len(points) {
				stop = points[j+1][0]
			}
			p.points[text[at[2]:at[3]]] = strings.TrimSpace(text[at[1]:stop])
		}
		list = append(list, p)
	}
	return list
}

// Every promise has its sentence, its figure, its cost, its limits, and a test that is where the page says.
func TestBehaviour_promises(t *testing.T) {
	list := readPromises(t, readPage(t, "BEHAVIOUR.md"))
	var numbers []int
	for _, p := range list {
		numbers = append(numbers, p.number)
		if p.sentence == "" {
			t.Errorf("Q%d promises nothing", p.number)
		}
		for _, name := range []string{"Figure", "Cost", "Limits", "Test"} {
			if p.points[name] == "" {
				t.Errorf("Q%d: nothing is said under %s", p.number, name)
			}
		}
		if !figure.MatchString(p.points["Figure"]) {
			t.Errorf("Q%d: there is no figure in %q", p.number, p.points["Figure"])
		}
		m := promiseTest.FindStringSubmatch(p.points["Test"])
		if m == nil {
			t.Errorf("Q%d: no test and its file in %q", p.number, p.points["Test"])
			continue
		}
		if m[2] != fmt.Sprintf("%02d", p.number) {
			t.Errorf("Q%d: %s carries another number", p.number, m[1])
		}
		source, err := os.ReadFile(filepath.Join("..", filepath.FromSlash(m[3])))
		if err != nil || !strings.Contains(string(source), "\nfunc "+m[1]+"(t *testing.T) {") {
			t.Errorf("Q%d: there is no %s in %s", p.number, m[1], m[3])
		}
	}
	slices.Sort(numbers)
	for i := range promises {
		if i >= len(numbers) || numbers[i] != i+1 {
			t.Fatalf("the promises are %v, want 1 to %d, each once", numbers, promises)
		}
	}
	if len(numbers) != promises {
		t.Errorf("there are %d promises", len(numbers))
	}
}

// A name of the library that the page quotes exists, and so does a page or a file that it leads to.
func TestBehaviour_namesThatExist(t *testing.T) {
	page := readPage(t, "BEHAVIOUR.md")
	exported := exportedNames(t, ".", "")
	for name := range exportedNames(t, filepath.Join("..", "realtime"), "realtime.") {
		exported[name] = true
	}
	for _, name := range quotes(page) {
		name = strings.TrimPrefix(name, "Client.")
		if goName.MatchString(name) && !strings.HasPrefix(name, "TestQ") && !exported[name] && !exported["Client."+name] {
			t.Errorf("there is no %s", name)
		}
	}
	for _, m := range regexp.MustCompile(`\]\(([^)#]+)`).FindAllStringSubmatch(page, -1) {
		if _, err := os.Stat(filepath.Join("..", "docs", filepath.FromSlash(m[1]))); err != nil {
			t.Errorf("the page leads to %s: %v", m[1], err)
		}
	}
}

// The package's documentation lists every type of event, and nothing else as one.
func TestSpec_packagePageListsTheEvents(t *testing.T) {
	files := token.NewFileSet()
	doc, err := parser.ParseFile(files, "doc.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	_, list, _ := strings.Cut(doc.Doc.Text(), "# The events")
	list, _, _ = strings.Cut(list, "\n# ")
	events, err := parser.ParseFile(files, "events.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	ast.Inspect(events, func(n ast.Node) bool {
		spec, ok := n.(*ast.TypeSpec)
		if !ok {
			return true
		}
		if fields, ok := spec.Type.(*ast.StructType); ok && embedsMeta(fields) {
			found++
			if strings.Count(list, "["+spec.Name.Name+"]") != 1 {
				t.Errorf("%s: add [%s] once to the list below this line", source.Line(t, "client/doc.go", "// # The events"), spec.Name.Name)
			}
		}
		return true
	})
	if listed := strings.Count(list, "["); found == 0 || listed != found {
		t.Errorf("%s: %d events are listed below this line, and events.go has %d", source.Line(t, "client/doc.go", "// # The events"), listed, found)
	}
}

func embedsMeta(s *ast.StructType) bool {
	for _, field := range s.Fields.List {
		if name, ok := field.Type.(*ast.Ident); ok && len(field.Names) == 0 && name.Name == "Meta" {
			return true
		}
	}
	return false
}

// What docs/MIGRATING.md must tell of: all of the API reference of backtracked, the events that it leaves out included,
// and all of what DubAPI 2.1.0 lets a bot use.
const (
	ofBacktracked = `
		AuthorizationError ProxyOptions connector proxy_options recent_conversations
		Client.user Client.logged_in Client.rooms Client.users Client.messages Client.connect Client.event
		Client.fetch_conversations Client.join_room Client.login Client.run
		Room.id Room.name Room.description Room.slug Room.rtc Room.type Room.is_public Room.lang Room.music_type
		Room.change_presence Room.send_message
		User.id User.username User.created_at User.avatar_url User.member_of User.open_conversation
		AuthenticatedUser.change_username
		Member.id Member.dubs Member.order Member.authorized Member.skipped Member.played Member.queued_now Member.wait_line
		Member.banned Member.banned_time Member.banned_until Member.role Member.room Member.set_role Member.user
		Message.id Message.content Message.deleted Message.created_at Message.author Message.member Message.room
		Conversation.id Conversation.created_at Conversation.latest_message_str Conversation.fetch Conversation.has_read
		Conversation.mark_as_read Conversation.recipients Conversation.send_message
		Song.id Song.created_at Song.played_at Song.active Song.played Song.skipped Song.order Song.length Song.up_dubs
		Song.down_dubs Song.net_dubs Song.room Song.song_info Song.user
		SongInfo.id SongInfo.name SongInfo.media_id SongInfo.source SongInfo.created_at SongInfo.length SongInfo.thumbnail
		Presence.enter Presence.exit Role.resident_dj Role.vip Role.moderator Role.manager Role.co_owner
		utils.dt utils.get utils.song_length utils.ts utils.tzdt
		on_ready on_joined_room on_chat on_chat_delete on_chat_skip on_member_join on_member_presence on_member_update
		on_playlist_song_add on_dub on_private_message`

	ofDubAPI = `
		bot.connect bot.disconnect bot.reconnect bot.on bot.events bot.roles bot.version bot.mutedTriggerEvents
		bot.maxChatMessageSplits bot.sendChat bot.getChatHistory bot.getRoomMeta bot.getQueue bot.getQueuePosition
		bot.queueMedia bot.queuePlaylist bot.clearQueue bot.pauseQueue bot.updub bot.downdub bot.getMedia bot.getScore
		bot.getPlayID bot.getTimeRemaining bot.getTimeElapsed
		bot.moderateSkip bot.moderateDeleteChat bot.moderateBanUser bot.moderateUnbanUser bot.moderateKickUser
		bot.moderateMuteUser bot.moderateUnmuteUser bot.moderateMoveDJ bot.moderateRemoveDJ bot.moderateRemoveSong
		bot.moderatePauseDJ bot.moderateSetRole bot.moderateUnsetRole bot.moderateLockQueue bot.moderateSetOption
		bot.getUser bot.getUserByName bot.getSelf bot.getCreator bot.getDJ bot.getUsers bot.getStaff
		bot.isCreator bot.isOwner bot.isManager bot.isMod bot.isVIP bot.isResidentDJ bot.isDJ bot.isMember bot.isStaff
		bot.hasPermission DubAPIError DubAPIRequestError
		connected disconnected error * socket:open socket:message socket:close
		events.chatMessage events.chatSkip events.deleteChatMessage events.roomPlaylistDub events.roomPlaylistGrab
		events.roomPlaylistQueueUpdate events.roomPlaylistUpdate events.roomUpdate events.roomSlowMode
		events.roomAllowGuestsToChat events.roomAllowGuestsToEmbed events.userBan events.userImageUpdate events.userJoin
		events.userKick events.userLeave events.userMute events.userSetRole events.userUnban events.userUnmute
		events.userUnsetRole events.userUpdate`
)

// row is a line of a table of the page: what each of its columns quotes, by the column's name.
type row map[string][]string

var (
	quoted   = regexp.MustCompile("`([^`]+)`")
	goName   = regexp.MustCompile(`^(realtime\.)?[A-Z]\w*(\.[A-Z]\w*)?$`)
	fromCode = regexp.MustCompile(`\bclient\.([A-Z]\w*)`)
)

func quotes(text string) []string {
	var list []string
	for _, m := range quoted.FindAllStringSubmatch(text, -1) {
		list = append(list, m[1])
	}
	return list
}

// tables returns the rows of all tables of a page, and the rest of its text.
func tables(page string) (rows []row, rest string) {
	var columns []string
	var prose strings.Builder
	for line := range strings.Lines(page) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "|") {
			columns = nil
			prose.WriteString(line + "\n")
			continue
		}
		cells := strings.Split(strings.Trim(line, "|"), "|")
		switch {
		case columns == nil:
			for _, cell := range cells {
				columns = append(columns, strings.TrimSpace(cell))
			}
		case strings.Trim(line, "|-") == "":
		default:
			r := row{}
			for i, cell := range cells[:min(len(cells), len(columns))] {
				r[columns[i]] = quotes(cell)
			}
			rows = append(rows, r)
		}
	}
	return rows, prose.String()
}

func readPage(t *testing.T, name string) string {
	t.Helper()
	page, err := os.ReadFile(filepath.Join("..", "docs", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(page)
}

func TestMigrating_namesThatExist(t *testing.T) {
	page := readPage(t, "MIGRATING.md")
	rows, prose := tables(page)
	exported := exportedNames(t, ".", "")
	maps.Copy(exported, exportedNames(t, filepath.Join("..", "realtime"), "realtime."))
	tests := testNames(t, ".", filepath.Join("..", "realtime"))
	if len(rows) < 200 || len(exported) < 500 || len(tests) < 100 {
		t.Fatalf("found %d rows, %d names, %d tests", len(rows), len(exported), len(tests))
	}
	for _, r := range rows {
		if len(r["Go"]) == 0 {
			t.Errorf("a row has no Go form: %v", r)
		}
		for _, name := range r["Go"] {
			if !exported[name] {
				t.Errorf("there is no %s", name)
			}
		}
		shown, told := r["Test"]
		if told && len(shown) == 0 {
			t.Errorf("no test shows %v", r["Go"])
		}
		for _, name := range shown {
			if !tests[name] {
				t.Errorf("there is no test %s", name)
			}
		}
		for _, name := range r["Remarks"] {
			if goName.MatchString(name) && !exported[name] {
				t.Errorf("there is no %s", name)
			}
		}
	}
	for _, name := range quotes(prose) {
		if goName.MatchString(name) && !exported[name] {
			t.Errorf("there is no %s", name)
		}
	}
	for _, m := range fromCode.FindAllStringSubmatch(page, -1) {
		if !exported[m[1]] {
			t.Errorf("there is no %s", m[0])
		}
	}
}

func TestMigrating_isComplete(t *testing.T) {
	rows, _ := tables(readPage(t, "MIGRATING.md"))
	told := map[string]map[string]bool{"backtracked": {}, "DubAPI": {}, "What": {}}
	for _, r := range rows {
		for column, names := range told {
			for _, name := range r[column] {
				names[name] = true
			}
		}
	}
	wanted := map[string][]string{"backtracked": strings.Fields(ofBacktracked), "DubAPI": strings.Fields(ofDubAPI)}
	_, events, found := strings.Cut(readPage(t, "PROTOCOL.md"), "### 6.2 ")
	events, _, closed := strings.Cut(events, "\n##") // of a section of any level
	if !found || !closed {
		t.Fatal("docs/PROTOCOL.md has no table of events")
	}
	eventRows, _ := tables(events)
	for _, r := range eventRows {
		if names := r["Event"]; len(names) > 0 {
			wanted["What"] = append(wanted["What"], names[0])
		}
	}
	if len(wanted["What"]) < 41 {
		t.Errorf("docs/PROTOCOL.md has %d events", len(wanted["What"]))
	}
	for column, names := range wanted {
		for _, name := range names {
			if !told[column][name] {
				t.Errorf("%s: nothing is told of %s", column, name)
			}
		}
	}
}

// parseFolder parses the Go files of a folder whose names want accepts.
func parseFolder(t *testing.T, folder string, want func(name string) bool) []*ast.File {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	var files []*ast.File
	for _, name := range slices.DeleteFunc(names, func(name string) bool { return !want(name) }) {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	return files
}

// exportedNames returns what a package exports, with a prefix: Name, and Type.Name for fields and methods.
func exportedNames(t *testing.T, folder, prefix string) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	add := func(owner string, id *ast.Ident) {
		if id.IsExported() {
			names[prefix+owner+id.Name] = true
		}
	}
	for _, file := range parseFolder(t, folder, func(name string) bool { return !strings.HasSuffix(name, "_test.go") }) {
		for _, d := range file.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				owner := ""
				if d.Recv != nil {
					owner = typeName(d.Recv.List[0].Type) + "."
				}
				add(owner, d.Name)
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					switch spec := spec.(type) {
					case *ast.ValueSpec:
						for _, id := range spec.Names {
							add("", id)
						}
					case *ast.TypeSpec:
						add("", spec.Name)
						for _, field := range fieldsOf(spec.Type) {
							for _, id := range field.Names {
								add(spec.Name.Name+".", id)
							}
						}
					}
				}
			}
		}
	}
	return names
}

func fieldsOf(e ast.Expr) []*ast.Field {
	switch e := e.(type) {
	case *ast.StructType:
		return e.Fields.List
	case *ast.InterfaceType:
		return e.Methods.List
	}
	return nil
}

// typeName returns the name of a receiver's type.
func typeName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return typeName(e.X)
	case *ast.IndexExpr:
		return typeName(e.X)
	case *ast.IndexListExpr:
		return typeName(e.X)
	case *ast.Ident:
		return e.Name
	}
	return ""
}

// testNames returns the tests and examples of some packages.
func testNames(t *testing.T, folders ...string) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	for _, folder := range folders {
		for _, file := range parseFolder(t, folder, func(name string) bool { return strings.HasSuffix(name, "_test.go") }) {
			for _, d := range file.Decls {
				if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && (strings.HasPrefix(f.Name.Name, "Test") || strings.HasPrefix(f.Name.Name, "Example")) {
					names[f.Name.Name] = true
				}
			}
		}
	}
	return names
}
