// Model of an SPI flash chip of 16 MB (JEDEC commands as in Winbond's W25Q128JV data sheet), which refuses what the
// data sheet forbids: each rule that is broken sets its bit of `faults` for ever. Time is counted in periods of `clk`.
module flash #(
    parameter PERIOD = 35714,      // of clk, ps
    parameter WRITING = 200,       // clocks that a program or erase takes; a real one takes longer
    parameter SIZE = 1 << 24,
    parameter CONTENT = "",        // file of the bytes that are there from the start, if it exists,
    parameter START = 0            // from this address on; all others are erased
) (
    input wire clk,
    input wire power,              // low: the chip is off, and forgets all but its memory
    input wire cs_n, sck,
    input wire [1:0] dq_i,         // as the design drives them
    input wire dq_driven,          // the design drives dq[0]
    output wire [1:0] dq_o,
    output reg [9:0] faults
);
    localparam [3:0]
        ASLEEP = 0,                // a command but RELEASE in power-down
        TOO_EARLY = 1,             // a command before tRES1 has passed
        DESELECTED = 2,            // chip select was high for less than tSHSL
        CLOCKED = 3,               // the clock rises without chip select
        CONTENTION = 4,            // both drive dq[0]
        UNKNOWN = 5,               // a command that the chip does not have
        BUSY = 6,                  // a command but READ STATUS while it writes
        NOT_ENABLED = 7,           // program or erase without WRITE ENABLE
        ACROSS = 8,                // more bytes than to the end of a page
        NOT_ERASED = 9;            // a bit is programmed from 0 to 1

    localparam WAKING = (3000000 + PERIOD - 1) / PERIOD;   // tRES1 = 3 us
    localparam RESTING = (50000 + PERIOD - 1) / PERIOD;    // tSHSL2 = 50 ns

    reg [7:0] memory [0:SIZE - 1];
    reg sleeping, enabled;
    reg [31:0] awake_for, high_for, busy_for;
    integer i, file;
    initial begin
        for (i = 0; i < SIZE; i = i + 1) memory[i] = 8'hff;
        file = $fopen(CONTENT, "rb");
        if (file != 0) begin
            i = $fread(memory, file, START);
            $fclose(file);
        end
        sleeping = 1; enabled = 0; faults = 0; awake_for = 0; high_for = 1000; busy_for = 0;
        count = 0; command = 0; drive = 0; was_sck = 0; was_cs = 1;
    end

    reg [31:0] count;              // rising edges since chip select fell
    reg [7:0] command, shift;
    reg [23:0] address;
    reg [7:0] out;                 // byte that is being sent, highest bit first
    reg [1:0] drive;               // pins that the chip drives
    reg was_sck, was_cs;

    wire dual = command == 8'h3b;
    wire [31:0] first = dual ? 40 : command == 8'h03 ? 32 : 8;    // clocks before the data
    wire reading = command == 8'h03 || dual;
    wire sending = reading || command == 8'h05 || command == 8'h9f;
    wire [23:0] identity = 24'hef4018;
    wire [31:0] sent = (count - first) / (dual ? 4 : 8);           // whole bytes that were sent
    assign dq_o = dual ? out[7:6] : {out[7], 1'b0};

    task fault(input [3:0] rule); faults[rule] <= 1; endtask

    // The design's pins change as clk rises, so their edges are seen, and answered, half a period later.
    always @(negedge clk) begin
        if (!power) begin
            sleeping <= 1; enabled <= 0; faults <= 0; awake_for <= 0; high_for <= 1000;
            busy_for <= 0; count <= 0; command <= 0; drive <= 0; was_sck <= 0; was_cs <= 1;
        end
        else begin
        was_sck <= sck; was_cs <= cs_n;
        if (awake_for != 32'hffffffff) awake_for <= awake_for + 1;
        high_for <= cs_n ? (high_for == 32'hffffffff ? high_for : high_for + 1) : 0;
        if (busy_for != 0) busy_for <= busy_for - 1;
        if (cs_n && sck && !was_sck) fault(CLOCKED);
        if (drive[0] && dq_driven && !cs_n) fault(CONTENTION);

        if (was_cs && !cs_n) begin
            count <= 0; command <= 0; drive <= 0;
            if (high_for < RESTING) fault(DESELECTED);
        end
        else if (!cs_n && sck && !was_sck) begin          // takes a bit
            count <= count + 1;
            shift <= {shift[6:0], dq_i[0]};
            if (count == 7) begin
                command <= {shift[6:0], dq_i[0]};
                case ({shift[6:0], dq_i[0]})
                    8'hab: ;
                    8'h05: if (sleeping) fault(ASLEEP);
                    8'h9f, 8'h06, 8'h04, 8'h03, 8'h3b, 8'h02, 8'h20, 8'hd8, 8'hb9: begin
                        if (sleeping) fault(ASLEEP);
                        else if (awake_for < WAKING) fault(TOO_EARLY);
                        if (busy_for != 0) fault(BUSY);
                    end
                    default: fault(UNKNOWN);
                endcase
            end
            if (count >= 8 && count < 32 && (reading || command == 8'h02 || command == 8'h20
                                             || command == 8'hd8))
                address <= {address[22:0], dq_i[0]};
            if (command == 8'h02 && count >= 32 && count % 8 == 7) begin
                if (!enabled) fault(NOT_ENABLED);
                else begin
                    if ((memory[address] & {shift[6:0], dq_i[0]}) != {shift[6:0], dq_i[0]})
                        fault(NOT_ERASED);
                    memory[address] = memory[address] & {shift[6:0], dq_i[0]};
                    address[7:0] <= address[7:0] + 1;
                    if (count > 39 && address[7:0] == 0) fault(ACROSS);
                end
            end
        end
        else if (!cs_n && !sck && was_sck && sending && count >= first) begin   // gives a bit
            drive <= dual ? 2'b11 : 2'b10;
            if ((count - first) % (dual ? 4 : 8) == 0)
                out <= reading ? memory[address + sent[23:0]]
                    : command == 8'h05 ? {6'd0, enabled, busy_for != 0}
                    : identity >> 8 * (2 - sent % 3);
            else
                out <= dual ? {out[5:0], 2'b00} : {out[6:0], 1'b0};
        end

        if (!was_cs && cs_n) begin                        // carries out
            drive <= 0;
            case (command)
                8'hab: begin sleeping <= 0; if (sleeping) awake_for <= 0; end
                8'hb9: sleeping <= 1;
                8'h06: if (count == 8) enabled <= 1;
                8'h04: enabled <= 0;
                8'h02: begin enabled <= 0; busy_for <= WRITING; end
                8'h20, 8'hd8: begin
                    if (!enabled) fault(NOT_ENABLED);
                    else for (i = 0; i < (command == 8'h20 ? 4096 : 65536); i = i + 1)
                        memory[(address & (command == 8'h20 ? ~24'hfff : ~24'hffff)) + i] = 8'hff;
                    enabled <= 0; busy_for <= WRITING;
                end
                default: ;
            endcase
        end
        end
    end
endmodule
