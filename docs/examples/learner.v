// A design of one's own around an exported trainer: it learns the samples of a ROM.
// The parameters are those of docs/examples/learner.toml; `bep export` prints the widths.
module learner #(
  parameter WRITES = 13,      // lines of bring_up.hex
  parameter SAMPLES = 48,
  parameter WORDS = 3,        // per sample: inputs by weight_lanes, rounded up
  parameter LANES = 8,        // weight_lanes
  parameter LABEL = 2,        // bits of a label
  parameter REQUEST = 8,      // bits of state__request__payload
  parameter BEAT = 8          // bits of state__data__payload
) (
  input clk,
  input rst,
  output reg [15:0] epochs,   // how often all samples have been through
  output reg [15:0] errors,   // wrong predictions in the last epoch that is complete
  output result_valid,
  output [LABEL+1:0] result   // triggered, error, prediction
);
  // Bring-up: one register write per clock, from a ROM; then the registers stay as they are.
  reg [39:0] writes [0:WRITES-1];
  initial $readmemh("bring_up.hex", writes);
  reg [15:0] step;
  reg write;
  reg [39:0] entry;
  always @(posedge clk)
    if (rst) begin
      step <= 0;
      write <= 0;
    end else begin
      write <= step != WRITES;
      if (step != WRITES) begin
        step <= step + 1;
        entry <= writes[step];
      end
    end

  // The words of all samples, over and over, as fast as the trainer takes them.
  reg [LABEL+LANES-1:0] words [0:SAMPLES*WORDS-1];
  initial $readmemh("samples.hex", words);
  reg [15:0] place;
  reg valid;
  reg [LABEL+LANES-1:0] word;
  wire ready;
  wire [15:0] following = place == SAMPLES*WORDS - 1 ? 0 : place + 1;
  always @(posedge clk)
    if (rst) begin
      place <= 0;
      valid <= 0;
    end else if (!valid || ready) begin
      place <= following;
      valid <= 1;
      word <= words[place];
    end

  // Results are taken at once; the trainer would wait otherwise.
  reg [15:0] sample;
  reg [15:0] wrong;
  wire [15:0] counted = wrong + {15'd0, result[LABEL]};
  always @(posedge clk)
    if (rst) begin
      sample <= 0;
      wrong <= 0;
      epochs <= 0;
      errors <= 0;
    end else if (result_valid) begin
      sample <= sample + 1;
      wrong <= counted;
      if (sample == SAMPLES - 1) begin
        sample <= 0;
        wrong <= 0;
        epochs <= epochs + 1;
        errors <= counted;
      end
    end

  trainer trainer (
    .clk(clk), .rst(rst),
    .bus__address(entry[39:32]), .bus__write(write), .bus__write_data(entry[31:0]),
    .bus__read_data(),
    .samples__payload(word), .samples__valid(valid), .samples__ready(ready),
    .results__payload(result), .results__valid(result_valid), .results__ready(1'b1),
    // Nobody reads or writes counters.
    .state__request__payload({REQUEST{1'b0}}), .state__request__valid(1'b0),
    .state__request__ready(),
    .state__data__payload({BEAT{1'b0}}), .state__data__valid(1'b0), .state__data__ready(),
    .state__reply__payload(), .state__reply__valid(), .state__reply__ready(1'b0)
  );
endmodule
