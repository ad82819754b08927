// An SDRAM chip of 4 banks of 8192 rows of 512 columns of 16 bits, as far as a controller that reads
// and writes single words uses it. Written from the datasheets of MT48LC16M16A2 (Micron, 256Mb SDR
// SDRAM, rev. W), AS4C16M16SA (Alliance, rev. 3.0), IS42S16160G (ISSI) and W9825G6KH (Winbond); the
// strictest limit counts.
//
// What breaks a rule sets a bit of `faults`, which stays. Data that are masked, or not driven, are
// garbage. Only rows whose numbers have ROW_BITS bits exist.
module sdram #(
    parameter PERIOD = 11765,  // of clk, ps
    parameter ROW_BITS = 13,
    parameter CONTENT = ""     // file of the first words, each with its high byte first, if it exists
) (
    input power,  // low at an edge of clk: the chip is off, and forgets all but its words
    input clk, cke, cs_n, ras_n, cas_n, we_n,
    input [1:0] ba,
    input [12:0] a,
    input [1:0] dqm,
    input [15:0] dq_i,
    input dq_driven,  // the controller drives the data pins
    output reg [15:0] dq_o,
    output reg [19:0] faults
);
    // Times in ps.
    localparam STARTUP = 200_000_000, REFRESH = 7_812_500;
    localparam RCD = 21_000, RP = 21_000, RAS = 45_000, RC = 68_000, RRD = 15_000, WR = 15_000;
    localparam REFRESHES = 8;  // before the mode is set
    localparam
        EARLY = 0,        // a command within 200 us of power and CKE
        UNPREPARED = 1,   // a command before those that must precede it after power-up
        MODE = 2,         // a mode other than single words and a latency of 2 or 3
        UNKNOWN = 3,      // a command that this model does not know
        OPEN = 4,         // ACTIVATE of a bank that has an open row
        CLOSED = 5,       // READ or WRITE in a bank without an open row
        BUSY = 6,         // REFRESH or MODE while a row is open
        T_RCD = 7,
        T_RP = 8,
        T_RC = 9,
        T_RAS = 10,
        T_RFC = 11,
        T_WR = 12,
        T_MRD = 13,
        T_RRD = 14,
        LATE = 15,        // no REFRESH for more than 64 ms / 8192
        CONTENTION = 16,  // both sides drive the data pins
        UNDRIVEN = 17,    // WRITE while the controller does not drive the data pins
        NO_ROW = 18,      // ACTIVATE of a row that does not exist
        CKE = 19;         // CKE fell

    reg [15:0] words [0:(1 << (ROW_BITS + 11)) - 1];
    reg [63:0] now, started, refreshed, mode_set, any_activated;
    reg [63:0] activated [0:3], precharged [0:3], written [0:3];
    reg [12:0] row [0:3];
    reg [3:0] is_open, refreshes;
    reg all_closed, ready, latency_3, awake;
    reg [1:0] due, masked;       // a word is driven from the next edge on, and from that after it
    reg [15:0] next, after_next, garbage;
    reg driving;
    integer i, file;

    initial begin
        file = $fopen(CONTENT, "rb");
        if (file != 0) begin
            i = $fread(words, file);
            $fclose(file);
        end
    end

    wire [2:0] command = {ras_n, cas_n, we_n};
    wire given = cke & ~cs_n & command != 3'b111;
    wire [ROW_BITS + 10:0] at = {row[ba][ROW_BITS - 1:0], ba, a[8:0]};
    wire rows_settled = now - precharged[0] >= RP & now - precharged[1] >= RP
                      & now - precharged[2] >= RP & now - precharged[3] >= RP;

    always @(posedge clk) if (!power) begin
        now <= 1_000_000_000;  // later than any time that has yet to be
        {started, refreshed, mode_set, any_activated} <= 0;
        for (i = 0; i < 4; i = i + 1) begin
            activated[i] <= 0;
            precharged[i] <= 0;
            written[i] <= 0;
        end
        {is_open, refreshes, all_closed, ready, awake, due, driving, faults} <= 0;
        garbage <= 16'hACE1;
    end else begin
        now <= now + PERIOD;
        awake <= awake | cke;
        if (!awake) started <= now;
        else if (!cke) faults[CKE] <= 1;
        if (ready & now - refreshed > REFRESH) faults[LATE] <= 1;

        // Reading: a word is driven from latency - 1 edges after its command on, for one clock.
        garbage <= {garbage[14:0], garbage[15] ^ garbage[13] ^ garbage[12] ^ garbage[10]};
        masked <= dqm;
        driving <= due[0];
        due <= due >> 1;
        next <= after_next;
        dq_o[7:0] <= due[0] & ~masked[0] ? next[7:0] : garbage[7:0];
        dq_o[15:8] <= due[0] & ~masked[1] ? next[15:8] : garbage[15:8];
        if (dq_driven & (driving | due[0])) faults[CONTENTION] <= 1;

        if (given) begin
            if (!awake | now - started < STARTUP) faults[EARLY] <= 1;
            if (now - refreshed < RC) faults[T_RFC] <= 1;
            if (now - mode_set < 2 * PERIOD) faults[T_MRD] <= 1;
        end
        if (given) case (command)
            3'b011: begin  // ACTIVATE
                if (!ready) faults[UNPREPARED] <= 1;
                if (is_open[ba]) faults[OPEN] <= 1;
                if (now - precharged[ba] < RP) faults[T_RP] <= 1;
                if (now - activated[ba] < RC) faults[T_RC] <= 1;
                if (now - any_activated < RRD) faults[T_RRD] <= 1;
                if (a >> ROW_BITS != 0) faults[NO_ROW] <= 1;
                is_open[ba] <= 1;
                row[ba] <= a;
                activated[ba] <= now;
                any_activated <= now;
            end
            3'b101, 3'b100: begin  // READ, WRITE
                if (!ready) faults[UNPREPARED] <= 1;
                if (!is_open[ba]) faults[CLOSED] <= 1;
                if (now - activated[ba] < RCD) faults[T_RCD] <= 1;
                if (a[10]) faults[UNKNOWN] <= 1;  // it would precharge on its own
                if (we_n) begin
                    due[latency_3] <= 1;
                    if (latency_3) after_next <= words[at];
                    else next <= words[at];
                end else begin
                    if (!dq_driven) faults[UNDRIVEN] <= 1;
                    if (!dqm[0]) words[at][7:0] <= dq_i[7:0];
                    if (!dqm[1]) words[at][15:8] <= dq_i[15:8];
                    written[ba] <= now;
                end
            end
            3'b010: begin  // PRECHARGE
                if (a[10]) all_closed <= 1;
                for (i = 0; i < 4; i = i + 1) if ((a[10] | ba == i) & is_open[i]) begin
                    if (now - activated[i] < RAS) faults[T_RAS] <= 1;
                    if (now - written[i] < WR | now - written[i] < 2 * PERIOD) faults[T_WR] <= 1;
                    is_open[i] <= 0;
                    precharged[i] <= now;
                end
                // Banks whose state is unknown after power-up are closed now.
                if (!all_closed) for (i = 0; i < 4; i = i + 1) precharged[i] <= now;
            end
            3'b001: begin  // REFRESH
                if (!all_closed) faults[UNPREPARED] <= 1;
                if (is_open != 0) faults[BUSY] <= 1;
                if (!rows_settled) faults[T_RP] <= 1;
                if (refreshes != REFRESHES) refreshes <= refreshes + 1;
                refreshed <= now;
            end
            3'b000: begin  // MODE
                if (refreshes != REFRESHES) faults[UNPREPARED] <= 1;
                if (is_open != 0) faults[BUSY] <= 1;
                if (!rows_settled) faults[T_RP] <= 1;
                if ({ba, a[12:7], 1'b0, a[3:0]} != 0 | a[6:5] != 2'b01) faults[MODE] <= 1;
                latency_3 <= a[4];
                ready <= 1;
                mode_set <= now;
            end
            default: faults[UNKNOWN] <= 1;
        endcase
    end
endmodule
