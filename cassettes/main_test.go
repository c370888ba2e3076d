package cassettes_test

import (
	"log/slog"
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/queup-go/queup/cassettes"
)

func TestMain(m *testing.M) {
	_ = os.Unsetenv(cassettes.ModeVar)             // what these tests play is made by tools/record, and never by them
	slog.SetDefault(slog.New(slog.DiscardHandler)) // clients without a logger log lost connections there
	goleak.VerifyTestMain(m)
}
