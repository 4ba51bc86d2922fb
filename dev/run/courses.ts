/** A course of the demo data. */
export interface DemoCourse {
  readonly title: string;
  readonly summary: string;
  readonly tags: readonly string[];
  readonly isPublished: boolean;
  readonly lessons: readonly { readonly title: string; readonly content: string }[];
}

/** What the demo instructor teaches. */
export const demoCourses: readonly DemoCourse[] = [
  {
    title: "Sailing for beginners",
    summary: "Knots, wind, and the way home: everything for a first season on a small lake.",
    tags: ["sailing", "outdoors"],
    isPublished: true,
    lessons: [
      {
        title: "The bowline",
        content: "The rabbit comes out of its hole, goes round the tree, and back into the hole.",
      },
      {
        title: "Where the wind comes from",
        content: "Turn your face until both ears hear the same. That is where the wind is.",
      },
      {
        title: "Coming back to the jetty",
        content: "Approach against the wind, slower than you think you have to.",
      },
    ],
  },
  {
    title: "Bread from four ingredients",
    summary: "Flour, water, salt, time. One dough, and what becomes of it.",
    tags: ["baking"],
    isPublished: true,
    lessons: [
      {
        title: "Weighing",
        content: "Water is counted in percent of the flour: 700 g on 1000 g is a dough of 70 %.",
      },
      {
        title: "Folding instead of kneading",
        content: "Four folds, half an hour apart, do what ten minutes of kneading do.",
      },
    ],
  },
  {
    title: "Reading the night sky",
    summary: "Still being written: five constellations that lead to all others.",
    tags: ["astronomy", "outdoors"],
    isPublished: false,
    lessons: [
      { title: "The plough", content: "Five times the distance of its two last stars is Polaris." },
    ],
  },
];
